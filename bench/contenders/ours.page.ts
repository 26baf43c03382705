// compact-kernels in a page, on a model folder that the page fetches.

import type { Contender } from '../lib/contender.ts'
import { oursContender } from './ours.ts'

/** put in by the bundler */
declare const ENGINE_VERSION: string

export const createContender = (): Contender => oursContender(ENGINE_VERSION)
