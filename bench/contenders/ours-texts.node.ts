// The pipeline of `bench texts` in a process of Node.

import type { Contender, TextsInput, TextsTask } from '../lib/contender.ts'
import { version } from '../lib/version.ts'
import { oursTexts } from './ours-texts.ts'

export const createContender = (): Contender<TextsTask, TextsInput> => oursTexts(version())
