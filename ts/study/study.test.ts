// A whole study, small enough for a test: started from outside, killed, and gone on with.

import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadModel } from '../model/load.ts'
import type { StudyResults } from '../report/results.ts'

const MAIN = fileURLToPath(new URL('../cli/main.ts', import.meta.url))
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'study-'))
  const good = ['good', 'great', 'lovely', 'fine']
  const bad = ['bad', 'poor', 'dull', 'awful']
  const things = ['film', 'book', 'play', 'song', 'show']
  const rows = Array.from({ length: 240 }, (_, i) => {
    const words = i % 2 ? good : bad
    return `a ${words[(i >> 1) % 4]} ${things[(i >> 3) % 5]} number ${i},${i % 2 ? 'positive' : 'negative'}`
  })
  await writeFile(join(folder, 'data.csv'), `text,label\n${rows.join('\n')}\n`)
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

function start(args: string[]): { child: ChildProcess; output: () => string; ended: Promise<number | null> } {
  const child = spawn(
    process.execPath,
    [MAIN, 'study', '--data', 'data.csv', '--quick', '--minutes', '10', '--devices', 'cpu', ...args],
    { cwd: folder },
  )
  let text = ''
  child.stdout.on('data', (piece) => (text += piece))
  child.stderr.on('data', (piece) => (text += piece))
  return {
    child,
    output: () => text,
    ended: new Promise((resolve) => child.on('close', (code) => resolve(code))),
  }
}

/** Resolves where the study has said `words`. */
async function until(study: ReturnType<typeof start>, words: RegExp): Promise<void> {
  let over = false
  void study.ended.then(() => (over = true))
  while (!words.test(study.output())) {
    if (over) throw new Error(`the study ended before ${words}: ${study.output()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const readResults = async (out: string): Promise<StudyResults> =>
  JSON.parse(await readFile(join(folder, out, 'results.json'), 'utf8')) as StudyResults

describe('study', () => {
  it('goes on after a kill, and fills results, table, report and models', async () => {
    const variants = ['--variants', 'baseline,q8+e8,student', '--out', 'out']
    const first = start(variants)
    await until(first, /\nq8\+e8 \.\.\./)
    first.child.kill('SIGKILL')
    await first.ended
    const partial = await readResults('out')
    expect(partial.finished).toBe(false)
    expect(partial.rows.map((row) => row.id)).toEqual(['baseline'])
    const weights = join(folder, 'out', 'models', 'baseline', 'model.safetensors')
    const made = (await stat(weights)).mtimeMs

    const second = start(variants)
    expect(await second.ended).toBe(0)
    expect(second.output()).not.toMatch(/baseline: training/)
    expect((await stat(weights)).mtimeMs).toBe(made)

    const results = await readResults('out')
    expect(results.finished).toBe(true)
    expect(results.rows.map((row) => row.id)).toEqual(['baseline', 'q8+e8', 'student'])
    expect(results.floors.map(({ id }) => id)).toEqual(['majority', 'naive-bayes', 'logistic-regression'])
    expect(results).toMatchObject({ family: 2, margin: 0.01, settings: { metric: 'macroF1' } })
    for (const row of results.rows) {
      for (const measure of ['accuracy', 'f1', 'macroF1', 'mcc', 'validation'] as const)
        expect(Math.abs(row[measure])).toBeLessThanOrEqual(1)
      expect(row.confusion.flat().reduce((sum, n) => sum + n, 0)).toBe(results.data.test)
      expect(row.macroF1).toBeGreaterThanOrEqual(row.low)
      const size = (await stat(join(folder, 'out', row.folder, 'model.safetensors'))).size
      expect(row.bytes).toBe(size)
      expect(row.f1).toBeGreaterThanOrEqual(row.f1Low)
      expect(row.f1).toBeLessThanOrEqual(row.f1High)
      expect(row.cpu!.medianMs).toBeGreaterThan(0)
      expect(row.cpu!.coldMs).toBeGreaterThan(row.cpu!.medianMs)
      expect(row.gpu).toBeNull()
    }
    const [baseline, small] = results.rows
    expect(baseline).toMatchObject({ agreement: 1, loss: 0, recipe: '', cpu: { speed: null } })
    expect(small.cpu!.speed!.ratio).toBeGreaterThan(0)
    expect(baseline.f1).toBeGreaterThan(0.8)
    expect(small.recipe).toBe('q8+e8')
    expect(small.bytes).toBeLessThan(baseline.bytes / 2.5)
    expect(small.agreement).toBeGreaterThan(0.9)

    const table = await readFile(join(folder, 'out', 'table.md'), 'utf8')
    const report = await readFile(join(folder, 'out', 'report.html'), 'utf8')
    for (const { id } of results.rows) {
      expect(table).toContain(`| \`${id}\` |`)
      expect(report).toContain(`<code>${id}</code>`)
      const folderOfRow = join(folder, 'out', 'models', id)
      expect((await loadModel(folderOfRow)).weights.config.labels).toEqual(results.data.labels)
    }
    expect((await readdir(join(folder, 'out', 'models'))).sort()).toEqual(['baseline', 'q8+e8', 'student'])
  })

  it('refuses a folder that holds a study with other options', async () => {
    const other = start(['--variants', 'baseline', '--out', 'out', '--seed', '2'])
    expect(await other.ended).toBe(1)
    expect(other.output()).toMatch(/holds a study with other options: .*seed was 1, now 2.*--fresh/)
  })

  it('leaves the finished rows and code 130 after Ctrl-C', async () => {
    const study = start(['--variants', 'baseline,q8,q8+e8,student', '--out', 'stopped'])
    await until(study, /\nq8 \.\.\./)
    study.child.kill('SIGINT')
    expect(await study.ended).toBe(130)
    const results = await readResults('stopped')
    expect(results.finished).toBe(false)
    expect(results.rows[0].id).toBe('baseline')
    expect(await readFile(join(folder, 'stopped', 'table.md'), 'utf8')).toContain('Not finished')
    expect(study.output()).toMatch(/stopped with \d rows? finished; run the same command again to go on/)
  })

  it('calibrates on what a row has become, where its layers were cut or trained again before', async () => {
    const rows = ['wanda50', 'heads2-ffn192+wanda50', 'sp50+q8:static']
    const study = start(['--variants', rows.join(','), '--out', 'calibrated'])
    expect(await study.ended, study.output()).toBe(0)
    const results = await readResults('calibrated')
    expect(results.rows.map(({ id, recipe }) => [id, recipe])).toEqual(
      ['baseline', ...rows].map((id) => [id, id === 'baseline' ? '' : id]),
    )
    expect(results.rows[1].note).toMatch(/zeros grown in/)
  })

  it('refuses rows to choose by of other labels, before anything is made', async () => {
    await writeFile(join(folder, 'other.csv'), 'text,label\na fine film,positive\na dull film,maybe\n')
    const study = start(['--validation', 'other.csv', '--out', 'none'])
    expect(await study.ended).toBe(1)
    expect(study.output()).toMatch(/other\.csv: has the label 'maybe'/)
    expect(await readdir(folder)).not.toContain('none')
  })

  it('refuses texts without a label where the baseline cannot say what they are', async () => {
    await writeFile(join(folder, 'more.txt'), 'a fine thing\n')
    const study = start([
      '--model',
      'preset:bert-base',
      '--unlabelled',
      'more.txt',
      '--variants',
      'q8',
      '--out',
      'random',
    ])
    expect(await study.ended).toBe(1)
    expect(study.output()).toMatch(/more\.txt: preset:bert-base has random weights/)
  })

  it('names the rows there are for an unknown variant, before anything is made', async () => {
    const study = start(['--variants', 'baseline,q9', '--out', 'none'])
    expect(await study.ended).toBe(1)
    expect(study.output()).toMatch(/variant 'q9' is not known; choose from baseline, q8/)
    expect(await readdir(folder)).not.toContain('none')
  })
})
