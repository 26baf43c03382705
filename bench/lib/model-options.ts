// What `bench models` is asked for.

import type { BrowserAdapter } from '../../testing/browser/chromium.ts'
import type { Precision } from '../../kernels/webgpu/device.ts'
import type { Host } from './contender.ts'

export interface ModelBenchOptions {
  model: string
  /** recipes, or 'baseline' */
  variants: string[]
  batch: number
  tokens: number
  devices: ('cpu' | 'gpu')[]
  threads: number
  /** names of PEERS */
  peers: string[]
  /** ours with its wide kernels too, in a process with V8's flag, beside ours without */
  wide?: boolean
  hosts: Host[]
  /** adapter of the pages; their software one if not given */
  browserAdapter?: BrowserAdapter
  rounds: number
  burstMs: number
  seed: number
  /** of our dense f32 layers on the GPU; 'f32' if not given */
  precision?: Precision
  command: string
  log: (line: string) => void
}
