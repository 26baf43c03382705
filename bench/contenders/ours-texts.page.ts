// The pipeline of `bench texts` in a page, on a model folder that the page fetches.

import type { Contender, TextsInput, TextsTask } from '../lib/contender.ts'
import { oursTexts } from './ours-texts.ts'

/** put in by the bundler */
declare const ENGINE_VERSION: string

export const createContender = (): Contender<TextsTask, TextsInput> => oursTexts(ENGINE_VERSION)
