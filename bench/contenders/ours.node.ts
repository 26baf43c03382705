// compact-kernels in a process of Node, on a model folder.

import type { Contender } from '../lib/contender.ts'
import { version } from '../lib/version.ts'
import { oursContender } from './ours.ts'

export const createContender = (): Contender => oursContender(version())
