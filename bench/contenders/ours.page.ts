// compact-kernels in a page, on a model folder that the page fetches.

import { createWasmDevice } from '../../kernels/wasm/device.ts'
import type { Contender } from '../lib/contender.ts'
import { oursContender } from './ours.ts'

/** put in by the bundler */
declare const ENGINE_VERSION: string

export function createContender(): Contender {
  return oursContender({
    async device(kind, threads, precision) {
      if (kind === 'cpu') return createWasmDevice({ threads })
      const { createGpuDevice } = await import('../../kernels/webgpu/device.ts')
      return createGpuDevice({ precision })
    },
    version: ENGINE_VERSION,
  })
}
