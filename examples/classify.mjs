// Texts to labels. A folder of a model is the first argument, ./my-model if none is given.
import { pipeline } from 'compact-kernels'

const classify = await pipeline('text-classification', process.argv[2] ?? './my-model', { device: 'cpu' })
console.log(await classify(['a good film', 'a bad plot']))
console.log(await classify('a good film', { top_k: null }))
await classify.dispose()
