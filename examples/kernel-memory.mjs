// The memory of WebAssembly itself: rows are written where the kernel reads them, and read where it writes them.
import { disposeWasm, prepare } from 'compact-kernels/wasm'

const [M, N, K] = [2, 3, 4]
const layer = await prepare({ kind: 'f32', N, K, data: Float32Array.from({ length: N * K }, (_, i) => i) })
const memory = await layer.memory(M)
for (let round = 1; round <= 2; round++) {
  memory.input.fill(round)
  await memory.run()
  // a view: take what you need before the next run
  console.log(round, memory.output.join(' '))
}
await layer.dispose()
await disposeWasm()
