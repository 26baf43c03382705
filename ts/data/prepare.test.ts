import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TextPreparation } from '../text/preparation.ts'
import { saveModel } from '../model/save.ts'
import { syntheticModel } from '../../testing/models.ts'
import { prepareData, type PrepareOptions } from './prepare.ts'

let folder = ''
const settings = (more: Partial<PrepareOptions>): PrepareOptions => ({
  model: 'scratch',
  data: join(folder, 'train.csv'),
  test: join(folder, 'test.csv'),
  seed: 1,
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
  const scale = { reviews: 8000, maxTrain: 8000, maxTest: 1000 }
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
    expect(notes.join()).toMatch(/more\.txt: 3 texts are also in the data: left out,2 texts without a label/)
    expect(hash).not.toBe(known.hash)
  })

  it('lets no test row choose', async () => {
    await rows('both.csv', 85, 95)
    const { validation, notes } = await prepareData(settings({ validation: join(folder, 'both.csv') }), scale)
    expect(validation.map(({ text }) => text)).toEqual([85, 86, 87, 88, 89].map((i) => `text number ${i}`))
    expect(notes.join()).toMatch(/5 of 10 texts to choose by are also in the test part: removed/)
  })

  it('compares texts as the model prepares them', async () => {
    const model = syntheticModel('f32')
    const preparation: TextPreparation = { steps: ['normalise'], language: 'auto' }
    const place = join(folder, 'prepared')
    await saveModel({ ...model, config: { ...model.config, preparation } }, place)
    await writeFile(
      join(folder, 'links.csv'),
      'text,label\nsee http://a.b/c number 95,no\nsee http://x.y/z number 95,yes\nother,no\nmore,yes\n',
    )
    await writeFile(join(folder, 'links-test.csv'), 'text,label\nsee http://k.l/m number 95,no\nnothing,yes\n')
    const data = {
      data: join(folder, 'links.csv'),
      test: join(folder, 'links-test.csv'),
      validation: join(folder, 'dev.csv'),
    }
    expect((await prepareData(settings(data), scale)).train).toHaveLength(4)
    expect((await prepareData(settings({ ...data, model: place }), scale)).train).toHaveLength(2)
  })

  it('refuses a test file or columns for the built-in reviews', async () => {
    const data = 'builtin:reviews'
    for (const more of [{ test: join(folder, 'test.csv') }, { test: undefined, text: 'what' }])
      await expect(prepareData(settings({ data, ...more }), scale)).rejects.toThrow(
        /leave the options test, text and label out/,
      )
  })

  it('tells data apart whose labels have other names', async () => {
    await writeFile(
      join(folder, 'renamed.csv'),
      (await readFile(join(folder, 'train.csv'), 'utf8')).replaceAll(',no', ',ham').replaceAll(',yes', ',spam'),
    )
    await writeFile(
      join(folder, 'renamed-test.csv'),
      (await readFile(join(folder, 'test.csv'), 'utf8')).replaceAll(',no', ',ham').replaceAll(',yes', ',spam'),
    )
    const renamed = settings({ data: join(folder, 'renamed.csv'), test: join(folder, 'renamed-test.csv') })
    expect((await prepareData(renamed, scale)).hash).not.toBe((await prepareData(settings({}), scale)).hash)
  })

  it('refuses rows to choose by whose label the training rows lack', async () => {
    await expect(prepareData(settings({ validation: join(folder, 'other.csv') }), scale)).rejects.toThrow(
      /other\.csv: has the label 'maybe', the training rows have no, yes/,
    )
  })
})
