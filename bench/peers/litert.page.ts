// LiteRT.js on its WebAssembly accelerator: XNNPACK, with relaxed SIMD where the engine has it.

import { Tensor, loadAndCompile, loadLiteRt } from '@litertjs/core'
import { layerContender } from '../kernels/linear-task.ts'
import { fullyConnected } from './tflite.ts'

/** put in by the bundler */
declare const ENGINE_VERSION: string

export const createContender = () =>
  layerContender('litert', ENGINE_VERSION, async (layer, threads) => {
    await loadLiteRt(new URL('package/', location.href).href, { threads: threads > 1 })
    const model = await loadAndCompile(fullyConnected(layer), {
      accelerator: 'wasm',
      cpuOptions: { numThreads: threads },
    })
    return {
      threads,
      notes: [
        layer.weight.kind === 'int8' ? 'fully connected, int8 weights, input quantized on the way' : 'fully connected',
      ],
      async run() {
        const x = new Tensor(layer.rows, [layer.M, layer.K])
        const [y] = await model.run(x)
        const result = await y.data()
        x.delete()
        y.delete()
        return result
      },
      dispose: () => model.delete(),
    }
  })
