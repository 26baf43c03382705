import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { prepareData } from './prepare.ts'
import { scaleFor, type StudySettings } from './settings.ts'

let folder = ''
const settings = (more: Partial<StudySettings>): StudySettings => ({
  model: 'scratch',
  data: join(folder, 'train.csv'),
  test: join(folder, 'test.csv'),
  validation: null,
  unlabelled: null,
  text: null,
  label: null,
  preparation: null,
  student: null,
  seed: 1,
  minutes: 1,
  quick: true,
  isTuned: true,
  passes: null,
  hiddenWeight: 0,
  ...more,
})
const rows = (name: string, from: number, to: number, labels = ['no', 'yes']): Promise<void> =>
  writeFile(
    join(folder, name),
    `text,label\n${Array.from({ length: to - from }, (_, i) => `text number ${from + i},${labels[i % 2]}`).join('\n')}\n`,
  )

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prepare-'))
  await rows('train.csv', 0, 100)
  await rows('test.csv', 90, 120)
  await rows('dev.csv', 80, 85, ['yes', 'no'])
  await rows('other.csv', 200, 210, ['yes', 'maybe'])
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

describe('prepareData', () => {
  const scale = scaleFor(1, true)
  it('holds a tenth of the training rows to choose by, none of them a test row', async () => {
    const { train, validation, test } = await prepareData(settings({}), scale)
    expect([train.length, validation.length, test.length]).toEqual([81, 9, 30])
    const texts = new Set(test.map(({ text }) => text))
    for (const { text } of [...train, ...validation]) expect(texts).not.toContain(text)
  })

  it('takes rows to choose by from a file: labels by name, and none of them trained on', async () => {
    const { train, validation, labels, hash } = await prepareData(
      settings({ validation: join(folder, 'dev.csv') }),
      scale,
    )
    expect(labels).toEqual(['no', 'yes'])
    expect(validation.map(({ label }) => label)).toEqual([1, 0, 1, 0, 1])
    expect(train).toHaveLength(85)
    expect(train.map(({ text }) => text)).not.toContain(validation[0].text)
    expect(hash).not.toBe((await prepareData(settings({}), scale)).hash)
  })

  it('takes texts without a label from a file, but for those that stand in the data', async () => {
    const known = await prepareData(settings({ validation: join(folder, 'dev.csv') }), scale)
    await writeFile(
      join(folder, 'more.txt'),
      'something new\ntext number 3\ntext  number 95\ntext number 82\nand another\n',
    )
    const { unlabelled, train, notes, hash } = await prepareData(
      settings({ validation: join(folder, 'dev.csv'), unlabelled: join(folder, 'more.txt') }),
      scale,
    )
    expect(unlabelled).toEqual(['something new', 'and another'])
    expect(train).toEqual(known.train)
    expect(notes.join()).toMatch(/more\.txt: 3 texts also stand in the data: left out,2 texts without a label/)
    expect(hash).not.toBe(known.hash)
  })

  it('refuses rows to choose by whose label the training rows lack', async () => {
    await expect(prepareData(settings({ validation: join(folder, 'other.csv') }), scale)).rejects.toThrow(
      /other\.csv: has the label 'maybe', the training rows have no, yes/,
    )
  })
})
