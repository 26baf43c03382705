// compact-kernels with its wide kernels, in a process of a Node that has V8's flag for them.

import type { Contender } from '../lib/contender.ts'
import { version } from '../lib/version.ts'
import { oursContender } from './ours.ts'

export const createContender = (): Contender => oursContender(version(), true)
