import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { SILENT, type Reporter } from '../inference/reporter.ts'
import { loadModel } from '../model/load.ts'
import type { ModelWeights } from '../model/weights.ts'
import { parseRecipe } from '../recipe/apply.ts'
import { Stopped, trainOnData } from '../train.ts'
import { compressAndTrain } from './compress-training.ts'

let folder = ''
let data = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'compress-training-'))
  data = join(folder, 'data.csv')
  const rows = Array.from({ length: 80 }, (_, i) => (i % 2 ? `a good film ${i},yes` : `a bad film ${i},no`))
  await writeFile(data, `text,label\n${rows.join('\n')}\n`)
  await trainOnData({ data, out: join(folder, 'model'), size: '1x32', epochs: 2, batch: 8, threads: 1 })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const stop = new AbortController()
/** Stops a training after so many steps. */
const stopping = (steps: number): Reporter => ({
  ...SILENT,
  progress: (done, of) => {
    if (of > steps && done === steps) stop.abort(new Stopped())
  },
})

async function compressed(
  out: string,
  resume: boolean,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<ModelWeights> {
  const model = join(folder, 'model')
  const options = { data, model, out: join(folder, out), resume, seed: 1, minutes: 5, epochs: 6, threads: 1, reporter }
  const save = ({ model: made }: { model: ModelWeights }): Promise<ModelWeights> => Promise.resolve(made)
  return compressAndTrain(await loadModel(model), parseRecipe('sp80'), options, save, reporter, signal)
}

it('ends with the same bits where it was stopped and gone on with', async () => {
  const never = new AbortController().signal
  const whole = await compressed('whole', false, SILENT, never)
  await expect(compressed('parts', false, stopping(9), stop.signal)).rejects.toThrow(
    /stopped after step 9; run it again with the option resume/,
  )
  expect(await readdir(join(folder, 'parts.training'))).toContain('checkpoint')
  const notes: string[] = []
  const telling = { ...SILENT, note: (text: string) => void notes.push(text) }
  expect(await compressed('parts', true, telling, never)).toEqual(whole)
  expect(notes.join()).toMatch(/going on after step 9/)
  // nothing is left to go on with once the model is written
  expect(await readdir(folder)).not.toContain('parts.training')
})
