// jax-js on its WebAssembly backend, which takes as many workers as the page says there are cores.

import { defaultDevice, init, numpy as np } from '@jax-js/jax'
import { layerContender, transposedWeight } from '../kernels/linear-task.ts'

/** put in by the bundler */
declare const ENGINE_VERSION: string

export const createContender = () =>
  layerContender('jax-js', ENGINE_VERSION, async (layer, threads) => {
    const { M, N, K, rows, bias } = layer
    Object.defineProperty(navigator, 'hardwareConcurrency', { value: threads })
    await init('wasm')
    defaultDevice('wasm')
    const w = np.array(transposedWeight(layer)).reshape([K, N])
    const b = np.array(new Float32Array(bias))
    return {
      threads,
      notes: ['np.matmul(x, W).add(b), W stored [K, N]'],
      async run() {
        const y = np.matmul(np.array(rows as Float32Array<ArrayBuffer>).reshape([M, K]), w.ref).add(b.ref)
        return (await y.data()) as Float32Array
      },
      dispose() {
        w.dispose()
        b.dispose()
      },
    }
  })
