// What `compress` says of the quality, and `--train`, from outside.

import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectSentence, makePlace } from '../../testing/command-line.ts'

const { folder, run, remove } = await makePlace()
afterAll(remove)

const GOOD = ['good', 'loved', 'great', 'fine', 'superb', 'warm']
const BAD = ['bad', 'hated', 'poor', 'awful', 'dull', 'cold']
/** Two in three are bad: a model that knows nothing says so of all. */
const table = (from: number, to: number): string =>
  `text,label\n${Array.from({ length: to - from }, (_, i) => from + i)
    .map(
      (i) =>
        `the ${(i % 3 ? BAD : GOOD)[Math.floor(i / 3) % 6]} film number ${i} of the year,${i % 3 ? 'negative' : 'positive'}\n`,
    )
    .join('')}`
const THREAD = ['--threads', '1']

const compress = async (...args: string[]) => {
  const { code, stdout, stderr } = await run(['compress', ...args, '--json', ...THREAD])
  expect(code, stderr).toBe(0)
  return { ...JSON.parse(stdout), stderr }
}

beforeAll(async () => {
  await writeFile(join(folder, 'reviews.csv'), table(0, 300))
  await writeFile(join(folder, 'new.csv'), table(300, 400))
  const settings = ['--size', '1x64', '--epochs', '8', '--learning-rate', '0.002', ...THREAD]
  const { code, stderr } = await run(['train', '--data', 'reviews.csv', ...settings, '--out', 'trained'])
  expect(code, stderr).toBe(0)
})

describe('the quality of a compressed model', () => {
  const recipe = ['trained', '--recipe', 'sp95x4+q8+e8', '--out', 'sparse']

  it('is that on the fifth that train kept, which config.json tells of without a text', async () => {
    const config = JSON.parse(await readFile(join(folder, 'trained/config.json'), 'utf8'))
    const sha256 = createHash('sha256').update(table(0, 300)).digest('hex')
    expect(config.trained_on).toEqual([{ seed: 1, test_share: 0.2, data: [sha256] }])
    const { quality, stderr } = await compress(
      'trained',
      '--recipe',
      'q8',
      '--data',
      'reviews.csv',
      '--seed',
      '7',
      '--out',
      'q8',
    )
    expect(stderr).toMatch(/trained with seed 1, .* in place of --seed 7/)
    expect(quality).toMatchObject({ texts: 60, constant: null, before: { n: 60 }, after: { n: 60 } })
    expect(quality.before.macroF1).toBeGreaterThan(0.95)
    expect(quality.difference.macroF1.loss).toBeCloseTo(quality.before.macroF1 - quality.after.macroF1, 12)
    expect(quality.difference.accuracy.low).toBeLessThanOrEqual(quality.difference.accuracy.loss)
    // what is made of the model knows its data, too
    expect(JSON.parse(await readFile(join(folder, 'q8/config.json'), 'utf8')).trained_on).toEqual(config.trained_on)
  })

  it('says that a model has become constant, and what brings it back', async () => {
    const { quality, remarks } = await compress(...recipe, '--data', 'reviews.csv')
    // which class it falls to is a matter of what is left of the weights
    expect(['negative', 'positive']).toContain(quality.constant)
    expect(quality.difference.macroF1).toMatchObject({ change: 'loss' })
    expect(quality.after.accuracy).toBeCloseTo(quality.constant === 'negative' ? 40 / 60 : 20 / 60, 12)
    expect(remarks.join('\n')).toMatch(/says '(negative|positive)' of every text.*\n.*sp95x4 takes out .*--train/)
  })

  it('is kept by --train, which ends with a model that works', async () => {
    const { quality, notes, remarks } = await compress(...recipe, '--data', 'reviews.csv', '--train', '--epochs', '15')
    expect(quality.constant).toBeNull()
    expect(quality.after.macroF1).toBeGreaterThan(0.95)
    expect(notes.join('\n')).toMatch(/zeros grown in 60 % of the steps/)
    expect(remarks.join('\n')).not.toMatch(/--train/)
    const { stdout } = await run(['classify', 'sparse'], { input: 'the superb film\nthe awful film\n' })
    expect(stdout.match(/"label":"\w+"/g)).toEqual(['"label":"positive"', '"label":"negative"'])
    const config = JSON.parse(await readFile(join(folder, 'sparse/config.json'), 'utf8'))
    expect(config.trained_on).toHaveLength(1)
  })

  it('is that on --test, of a model that says nothing of its training too', async () => {
    const words = (await run(['compress', ...recipe, '--test', 'new.csv', ...THREAD])).stdout
    expect(words).toMatch(/on 100 texts of new\.csv, with the 95 % interval of the paired difference:\n/)
    expect(words).toMatch(
      /macro F1 0\.\d{4}, was [01]\.\d{4}: -0\.\d{4} \[-0\.\d{4}, -0\.\d{4}\], a loss\n {2}accuracy /,
    )
    const { quality } = await compress('model', '--recipe', 'q8', '--test', 'new.csv', '--out', 'other')
    expect(quality.texts).toBe(100)
  })

  it('is what --max-loss keeps, on the texts that training held out', async () => {
    const asked = ['--max-loss', '5%', '--data', 'reviews.csv', '--seed', '7', '--out', 'bounded']
    const { f1, texts, stderr } = await compress('trained', ...asked)
    expect(stderr).toMatch(/F1 is of texts of reviews\.csv that training held out/)
    expect(texts).toEqual({ calibration: 240, development: 60 })
    expect(f1.after.f1).toBeGreaterThanOrEqual(0.95 * f1.before.f1)
    const ended = await compress('model', ...asked)
    expect(ended.stderr).toMatch(/do not calibrate, and may have trained the model \(.* does not say what model was/)
  })
  it.each([
    [['trained'], /not measured: give texts with labels, --test FILE, or with --data/],
    [['model', '--data', 'reviews.csv'], /not measured: the folder does not say what model was trained on; .*--test/],
    [['trained', '--data', 'new.csv'], /not measured: new\.csv is not the data that trained was trained on; .*--test/],
  ])('%j: nothing is measured, which one line says', async (args, line) => {
    const { quality, remarks } = await compress(...args, '--recipe', 'sp50', '--out', 'other')
    expect(quality).toBeNull()
    expect(remarks[0]).toMatch(line)
    expect(remarks[1]).toMatch(/^sp50 takes out of the layers what training may have to bring back/)
  })

  it.each([
    [['--recipe', 'q8', '--test', 'reviews.csv'], /--test reviews\.csv: trained was trained on texts of it/],
    [['--recipe', 'q8+e8', '--data', 'reviews.csv', '--train'], /q8\+e8 takes nothing: leave it out/],
    [['--recipe', 'e8+svd:0.2', '--data', 'reviews.csv', '--train'], /write svd:0\.2\+e8/],
    [['--recipe', 'sp80', '--train'], /--train learns from texts, of a classifier with labels: give --data FILE/],
    [['--recipe', 'sp80', '--epochs', '2'], /--epochs goes with --train/],
    [['--budget', '1MB', '--data', 'reviews.csv', '--train'], /--train goes with --recipe/],
  ])('%j is refused', async (args, words) => {
    expectSentence(await run(['compress', 'trained', ...args, '--out', 'never']), words, 2)
  })

  it('names a file that is missing', async () => {
    const ended = await run(['compress', 'trained', '--recipe', 'q8', '--data', 'none.csv', '--out', 'never'])
    expectSentence(ended, /none\.csv: not read: there is no such file; expected a CSV/)
  })
})
