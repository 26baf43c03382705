// Two int8 layers that hand s8 rows on, with a scale for each row.
import { disposeWasm, prepare, quantizeWeight } from 'compact-kernels/wasm'

const [M, K, F, N] = [2, 16, 8, 4]
const numbers = (length) => Float32Array.from({ length }, (_, i) => Math.cos(i * i))
const first = await prepare(quantizeWeight(numbers(F * K), F, K), { activation: 'relu' })
const second = await prepare(quantizeWeight(numbers(N * F), N, F), { input: 's8' })

const rows = await first.runToInt8(new Float32Array(M * K).fill(0.5))
console.log(rows.data.length, 'bytes,', rows.scales.length, 'scales')
console.log(await second.run(rows))
await first.dispose()
await second.dispose()
await disposeWasm()
