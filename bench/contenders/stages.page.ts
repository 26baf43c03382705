// The stages of a start in a page.

import { stagesContender } from '../lib/stages.ts'

/** put in by the bundler */
declare const ENGINE_VERSION: string

export const createContender = () => stagesContender(ENGINE_VERSION, async (path) => (await fetch(path)).arrayBuffer())
