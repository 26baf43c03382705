// Peers of `bench kernels`: the dense layers of other runtimes' WebAssembly, each in a Chromium of its own, and ours in
// another beside them, so that the engine is the same.

import { chromiumChannel, type PageContender } from '../lib/chromium.ts'
import type { Description } from '../lib/contender.ts'
import { RemoteContender } from '../lib/remote.ts'
import type { LinearShape } from '../lib/shapes.ts'
import { short } from '../lib/results.ts'
import type { KernelCase } from './cases.ts'
import { assertExpected, type Expected } from './verify.ts'

const OURS = 'compact-kernels'

const PAGES: Record<string, PageContender & { ops: string[] }> = {
  [OURS]: { module: '../contenders/linear.page.ts', ops: ['f32', 'int8'] },
  litert: {
    module: '../peers/litert.page.ts',
    package: { name: '@litertjs/core', folder: 'wasm' },
    ops: ['f32', 'int8'],
  },
  'tfjs-wasm': {
    module: '../peers/tfjs-wasm.page.ts',
    package: { name: '@tensorflow/tfjs-backend-wasm', folder: 'dist' },
    ops: ['f32'],
  },
  'jax-js': { module: '../peers/jax-js.page.ts', package: { name: '@jax-js/jax' }, ops: ['f32'] },
}

export const KERNEL_PEERS = Object.keys(PAGES).filter((name) => name !== OURS)

/** How far a peer may be off, as a share of the RMS of the output: it quantizes rows by another rule. */
const TOLERANCE: Record<string, number> = { f32: 1e-5, int8: 0.05 }

export interface RemoteLayer {
  name: string
  remote: RemoteContender
  description: Description
  coldMs: number
  maxError: number
}

/** Opens everyone who has the kernel of a dense layer. A peer that cannot run it is named in `notes`; ours failing throws. */
export async function openPeers(
  peers: string[],
  kernel: KernelCase,
  expected: Expected,
  { shape, ops, threads }: { shape: LinearShape; ops: string[]; threads: number },
  note: (text: string) => void,
): Promise<RemoteLayer[]> {
  const layers: RemoteLayer[] = []
  for (const name of peers.length > 0 ? [OURS, ...peers] : []) {
    if (!PAGES[name].ops.includes(kernel.op)) continue
    let remote: RemoteContender | null = null
    try {
      const channel = await chromiumChannel(PAGES[name], new Map(), true)
      remote = new RemoteContender(`${name} ${kernel.op}`, channel)
      await remote.prepare(name, { shape, ops, op: kernel.op, threads })
      const { firstMs, output, description } = await remote.first(null)
      const maxError =
        name === OURS
          ? assertExpected(output, expected, `${name} in Chromium ${kernel.op}`)
          : withinShare(output, expected, TOLERANCE[kernel.op])
      layers.push({ name, remote, description, coldMs: firstMs, maxError })
      note(`pages: ${channel.browser}, cross-origin isolated`)
      for (const said of description.notes) note(`${name} in chromium: ${said}`)
    } catch (error) {
      await remote?.dispose()
      if (name === OURS) {
        await Promise.all(layers.map((layer) => layer.remote.dispose()))
        throw error
      }
      note(`${name} did not run '${kernel.op}': ${(error as Error).message.split('\n')[0]}`)
    }
  }
  return layers
}

/** Largest absolute error; throws where it is more than `share` of the RMS of the expected values. */
function withinShare(output: Float32Array, { values }: Expected, share: number): number {
  if (output.length !== values.length) throw new Error(`${output.length} outputs, expected ${values.length}`)
  const rms = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)
  let worst = 0
  for (let i = 0; i < values.length; i++) {
    const error = Math.abs(output[i] - values[i])
    if (!(error <= worst)) worst = error
  }
  if (!(worst <= share * rms)) throw new Error(`its output is off by ${short(worst)} at an RMS of ${short(rms)}`)
  return worst
}
