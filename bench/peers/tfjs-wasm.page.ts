// TensorFlow.js on its WebAssembly backend (XNNPACK, fixed SIMD).

import { fused, setBackend, tensor1d, tensor2d, tidy } from '@tensorflow/tfjs-core'
import { getThreadsCount, setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import { layerContender, transposedWeight } from '../kernels/linear-task.ts'

/** put in by the bundler */
declare const ENGINE_VERSION: string

export const createContender = () =>
  layerContender('tfjs-wasm', ENGINE_VERSION, async (layer, threads) => {
    const { M, N, K, rows, bias } = layer
    setWasmPaths(new URL('package/', location.href).href)
    setThreadsCount(threads)
    if (!(await setBackend('wasm'))) throw new Error('tfjs-wasm: the backend did not start')
    // [K, N]: with transposeB the fused product of 4.22 computes wrong numbers
    const w = tensor2d(transposedWeight(layer), [K, N])
    const b = tensor1d(bias)
    return {
      threads: getThreadsCount(),
      notes: ['fused.matMul with bias'],
      async run() {
        const y = tidy(() => fused.matMul({ a: tensor2d(rows, [M, K]), b: w, bias: b }))
        const result = await y.data()
        y.dispose()
        return result as Float32Array
      },
      dispose() {
        w.dispose()
        b.dispose()
      },
    }
  })
