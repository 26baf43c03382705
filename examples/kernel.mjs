// One linear layer on WebAssembly, packed once, run on arrays of yours.
import { disposeWasm, prepare, quantizeWeight } from 'compact-kernels/wasm'

const [M, N, K] = [4, 3, 8]
const numbers = Float32Array.from({ length: N * K }, (_, i) => Math.sin(i))
const layer = await prepare(quantizeWeight(numbers, N, K), { activation: 'gelu', bias: new Float32Array(N).fill(0.1) })

const x = new Float32Array(M * K).fill(1)
const out = new Float32Array(M * N)
await layer.run(x, { out })
console.log('y[0]', out.slice(0, N))

// other numbers of the same sizes: packed again, seen by the next run
await layer.update(
  quantizeWeight(
    numbers.map((value) => -value),
    N,
    K,
  ),
)
console.log('after the update', (await layer.run(x)).slice(0, N))

await layer.dispose()
await disposeWasm()
