// The pipeline of `bench texts` with its wide kernels, in a process of a Node that has V8's flag for them.

import type { Contender, TextsInput, TextsTask } from '../lib/contender.ts'
import { version } from '../lib/version.ts'
import { oursTexts } from './ours-texts.ts'

export const createContender = (): Contender<TextsTask, TextsInput> => oursTexts(version(), true)
