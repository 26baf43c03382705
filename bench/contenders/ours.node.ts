// compact-kernels in a process of Node: makes the variant itself, as every contender's weights are made.

import type { Contender } from '../lib/contender.ts'
import { createDevice, version } from '../lib/devices.ts'
import { buildVariant } from '../lib/variant.ts'
import { oursContender } from './ours.ts'

export function createContender(): Contender {
  return oursContender({
    weights: buildVariant,
    device: (kind, threads, precision) => createDevice(kind, threads, { precision }),
    version: version(),
  })
}
