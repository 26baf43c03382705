// The stages of a start in a page.

import { stagesContender } from '../lib/stages.ts'

/** put in by the bundler */
declare const ENGINE_VERSION: string

export const createContender = () =>
  stagesContender(
    ENGINE_VERSION,
    async () => ({
      ...(await import('../../kernels/wasm/device.ts')),
      ...(await import('../../kernels/wasm/pool.ts')),
      ...(await import('../../ts/inference/text-model.ts')),
      ...(await import('../../ts/inference/running-model.ts')),
    }),
    async (path) => (await fetch(path)).arrayBuffer(),
  )
