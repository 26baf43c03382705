// Two int8 layers that hand s8 rows on, with a scale for each row. The kernels round; no f32 row is between them.
import { disposeWasm, prepare, quantizeWeight } from 'compact-kernels/wasm'

const [M, K, F, N] = [2, 16, 8, 4]
const numbers = (length) => Float32Array.from({ length }, (_, i) => Math.cos(i * i))
const first = await prepare(quantizeWeight(numbers(F * K), F, K), { activation: 'relu' })
const second = await prepare(quantizeWeight(numbers(N * F), N, F), { input: 's8' })

// on arrays of yours
const rows = await first.runToInt8(new Float32Array(M * K).fill(0.5))
console.log(rows.data.length, 'bytes,', rows.scales.length, 'scales')
console.log(await second.run(rows))

// or in WebAssembly's memory, from one layer's output to the next one's input
const [from, to] = [await first.memory(M), await second.memory(M)]
from.input.fill(0.5)
await from.runToInt8()
to.inputInt8.data.set(from.outputInt8.data)
to.inputInt8.scales.set(from.outputInt8.scales)
await to.run()
console.log(to.output)

await first.dispose()
await second.dispose()
await disposeWasm()
