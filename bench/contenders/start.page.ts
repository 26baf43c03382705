// A pipeline's start in a page.

import { startContender } from '../lib/start.ts'

/** put in by the bundler */
declare const ENGINE_VERSION: string

export const createContender = () => startContender(ENGINE_VERSION, () => import('../../ts/index.ts'))
