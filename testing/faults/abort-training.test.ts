// A signal in the middle of training, distilling, compressing and a study: the work ends there, its threads are given
// back, no lock and no half-written file stays, the input is as it was, and the same call goes on or begins anew.

import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createWasmDevice } from '../../kernels/wasm/device.ts'
import { applyRecipe, compressToBudget } from '../../ts/compress.ts'
import { SILENT, type Reporter } from '../../ts/inference/reporter.ts'
import { runStudy } from '../../ts/study.ts'
import { distil, Stopped, trainOnData } from '../../ts/train.ts'
import { initializeModel } from '../../ts/train/initialize.ts'
import { trainClassifier } from '../../ts/train/loop.ts'
import { numbersOf, toy, TOY } from '../toy-task.ts'
import { countWorkers } from './counting.ts'

let folder = ''
let data = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'abort-'))
  data = join(folder, 'data.csv')
  const rows = Array.from({ length: 120 }, (_, i) => (i % 2 ? `a good film ${i},yes` : `a bad film ${i},no`))
  await writeFile(data, `text,label\n${rows.join('\n')}\n`)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

let control: AbortController
let workers: ReturnType<typeof countWorkers>
beforeEach(() => {
  control = new AbortController()
  workers = countWorkers()
})
afterEach(async () => {
  await vi.waitFor(() => expect(workers.count()).toBe(0))
  workers.end()
})

/** Aborts at the `at`th progress of a stage whose words begin so. */
function stopIn(stage: string, at: number): Reporter & { seen: () => number } {
  let current = ''
  let seen = 0
  return {
    ...SILENT,
    stage: (text) => void (current = text),
    progress: () => {
      if (current.startsWith(stage) && ++seen === at) control.abort(new Stopped())
    },
    seen: () => seen,
  }
}

const settings = (out: string) => ({ data, out: join(folder, out), epochs: 2, batch: 8, threads: 2 })

/** Names that say that someone writes, or that something was left half written. */
const unfinished = async (): Promise<string[]> =>
  (await readdir(folder, { recursive: true })).filter((name) => /\.(tmp|new|old)$|lock$/.test(name))

describe('a signal in the middle of', () => {
  it('a training, beside a teacher of hidden states too', async () => {
    const [model, teacher] = [initializeModel(TOY, 1), initializeModel(TOY, 2)]
    const before = numbersOf(model).map((numbers) => numbers.slice())
    const hidden = { teacher, layers: [[2, 2]] as [number, number][], weight: 1 }
    for (const more of [{}, { hidden }]) {
      control = new AbortController()
      const { ended, steps } = await trainClassifier(model, toy(64, 1), {
        ...more,
        ...{ steps: 30, batch: 4, seed: 1, threads: 2, signal: control.signal },
        progress: ({ step }) => step === 5 && control.abort(),
      })
      expect([ended, steps]).toEqual(['signal', 5])
      expect(numbersOf(model)).toEqual(before)
    }
  })

  it('a distillation: while the teacher reads, and while the student learns', async () => {
    const teachers = [join(folder, 'teacher')]
    await trainOnData({ ...settings('teacher'), size: '1x32' })
    const start = (reporter: Reporter, resume: boolean) =>
      distil({ ...settings('student'), teachers, student: '1x32', resume }, { reporter, signal: control.signal })
    for (const [stage, at] of [
      ['the teacher reads', 1],
      ['training ', 4],
    ] as const) {
      control = new AbortController()
      const reporter = stopIn(stage, at)
      await expect(start(reporter, false)).rejects.toThrow(Stopped)
      expect(reporter.seen()).toBeGreaterThanOrEqual(at)
      expect(await readdir(folder)).not.toContain('student')
      expect(await unfinished()).toEqual([])
    }
    control = new AbortController()
    const notes: string[] = []
    await start({ ...SILENT, note: (text) => void notes.push(text) }, true)
    expect(notes.join()).toMatch(/going on after step 4/)
    expect(await readdir(join(folder, 'student'))).toContain('model.safetensors')
  })

  it('a recipe: between the layers of a step', async () => {
    const model = initializeModel(TOY, 1)
    const before = structuredClone(model)
    for (const step of ['svd:4', 'tucker:4']) {
      control = new AbortController()
      let seen = 0
      const progress = (): void => void (++seen === 3 && control.abort(new Error('enough')))
      await expect(applyRecipe(model, step, { seed: 1, progress, signal: control.signal })).rejects.toThrow('enough')
      expect(seen).toBe(3)
      expect(model).toEqual(before)
    }
    await expect(applyRecipe(model, 'q8', { seed: 1, signal: control.signal })).rejects.toThrow('enough')
  })

  it('a budget: while layers are measured', async () => {
    const model = initializeModel(TOY, 1)
    const device = await createWasmDevice({ threads: 2 })
    const held = device.pool.memory.liveBytes
    const ids = toy(40, 2).map((example) => example.ids)
    const labels = Int32Array.from(ids, (_, i) => i % 2)
    const texts = { calibration: ids, development: ids, labels, tokens: 12, notes: [] }
    const goal = { kind: 'bytes', limit: 40_000 } as const
    const plan = { model, goal, texts, tokens: 12, device, seed: 1 }
    const reporter = stopIn('output errors', 2)
    await expect(compressToBudget({ ...plan, reporter, signal: control.signal })).rejects.toThrow(Stopped)
    expect(reporter.seen()).toBe(2)
    expect(device.pool.memory.liveBytes).toBe(held)
    const { ledger } = await compressToBudget(plan)
    expect(ledger.bytes.after).toBeLessThanOrEqual(40_000)
    await device.dispose()
  })

  it('a study: while its baseline trains, and while rows are timed', async () => {
    const out = join(folder, 'study')
    const options = { quick: true, minutes: 0.04, threads: 2, devices: ['cpu' as const], isTuned: false, data, out }
    const found: string[][] = []
    for (const [stage, at] of [
      ['baseline: training', 3],
      ['times on the CPU', 2],
    ] as const) {
      control = new AbortController()
      const reporter = stopIn(stage, at)
      const { stopped, results } = await runStudy({ ...options, variants: 'q8' }, { reporter, signal: control.signal })
      expect([stage, stopped, reporter.seen() >= at]).toEqual([stage, true, true])
      expect(results.finished).toBe(false)
      expect(await unfinished()).toEqual([])
      found.push(results.rows.map(({ id }) => id))
    }
    expect(found).toEqual([[], ['baseline', 'q8']])
    const { stopped, results } = await runStudy({ ...options, variants: 'q8' })
    expect([stopped, results.finished]).toEqual([false, true])
  })
})
