// compact-kernels in a process of Node, on a model folder.

import type { Contender } from '../lib/contender.ts'
import { createDevice, version } from '../lib/devices.ts'
import { oursContender } from './ours.ts'

export function createContender(): Contender {
  return oursContender({
    device: (kind, threads, precision) => createDevice(kind, threads, { precision }),
    version: version(),
  })
}
