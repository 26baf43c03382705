// node die-at-rename.ts FOLDER N: writes a model over FOLDER and kills itself behind the Nth rename.

import fsp from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { saveModel } from '../../ts/model/save.ts'
import { syntheticModel } from '../models.ts'

const [folder, at] = process.argv.slice(2)
const { rename } = fsp
let renames = 0
Object.assign(fsp, {
  rename: async (from: string, to: string) => {
    await rename(from, to)
    if (++renames === Number(at)) process.kill(process.pid, 'SIGKILL')
  },
})
syncBuiltinESMExports()
await saveModel(syntheticModel('int8', 4), folder, { files: { 'vocab.txt': 'new\n' } })
