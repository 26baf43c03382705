// The same in a worker: this thread stays free, and a signal ends what takes too long.
import { pipeline } from 'compact-kernels/worker'

const classify = await pipeline('text-classification', process.argv[2] ?? './my-model', { device: 'cpu' })
const control = new AbortController()
const many = Array.from({ length: 100_000 }, (_, i) => (i % 2 ? 'a good film' : 'a bad plot'))
const answers = classify(many, { signal: control.signal })
setTimeout(() => control.abort(), 100)
await answers.catch((error) => console.log(error.name))
console.log(await classify('a good film'))
await classify.dispose()
