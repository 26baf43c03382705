// node read-only.ts FOLDER [fake]: tries everything that writes, in a folder that may not be written; prints what came of
// each. With 'fake' the file system's functions refuse, for where nothing can be mounted.

import fsp from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { openTextModel } from '../../ts/inference/text-model.ts'
import { hubFiles } from '../../ts/io/hub.node.ts'
import { loadModel } from '../../ts/model/load.ts'
import { saveModel } from '../../ts/model/save.ts'
import { runStudy } from '../../ts/study.ts'
import { distil, trainOnData } from '../../ts/train.ts'
import { writeCheckpoint } from '../../ts/train/checkpoint.node.ts'
import type { TrainState } from '../../ts/train/state.ts'
import { syntheticModel } from '../models.ts'
import { startHub } from '../hub-server.ts'

const [folder, how] = process.argv.slice(2)
if (how === 'fake') refuseWrites()
const at = (name: string): string => join(folder, name)
const model = syntheticModel('f32', 3)
const training = { data: at('data.csv'), epochs: 1, batch: 8, threads: 1 }
const hub = await startHub({ 'config.json': '{}' })
const tries: Record<string, () => Promise<unknown>> = {
  load: () => loadModel(at('model')),
  open: async () => (await openTextModel(at('model'))).close(),
  'save over it': () => saveModel(model, at('model')),
  'save beside it': () => saveModel(model, at('other')),
  checkpoint: () => writeCheckpoint(at('checkpoint'), { step: 1 } as unknown as TrainState),
  train: () => trainOnData({ ...training, size: '1x32', out: at('trained') }),
  distil: () => distil({ ...training, teachers: [at('model')], student: '1x32', out: at('student') }),
  study: () => runStudy({ data: at('data.csv'), quick: true, variants: 'q8', out: at('study'), devices: ['cpu'] }),
  hub: () => hubFiles('org/tiny', { endpoint: hub.address, cacheDir: at('cache') }),
}
const found: Record<string, string> = {}
for (const [name, work] of Object.entries(tries))
  found[name] = await work().then(
    () => 'done',
    (error: unknown) => (error as Error).message,
  )
await hub.close()
process.stdout.write(JSON.stringify(found))
process.exit(0)

/** Lets nothing of the folder be changed, in the words of Linux. */
function refuseWrites(): void {
  const { open } = fsp
  const refuse =
    (name: string) =>
    (path: string): Promise<never> =>
      Promise.reject(
        Object.assign(new Error(`EROFS: read-only file system, ${name} '${path}'`), { code: 'EROFS', path }),
      )
  const names = ['mkdir', 'rename', 'link', 'symlink', 'chmod', 'writeFile', 'copyFile'] as const
  for (const name of names) Object.assign(fsp, { [name]: refuse(name) })
  Object.assign(fsp, {
    open: (path: string, flags: string) => (flags === 'r' ? open(path, flags) : refuse('open')(path)),
  })
  syncBuiltinESMExports()
}
