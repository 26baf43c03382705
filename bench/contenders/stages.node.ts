// The stages of a start in a process of Node.

import { readFile } from 'node:fs/promises'
import { version } from '../lib/version.ts'
import { stagesContender } from '../lib/stages.ts'

export const createContender = () => stagesContender(version(), readFile)
