// Lists as long as no engine takes as arguments of one call (V8 ends at some 125,000 numbers): texts, rows and tokens.

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { balanceExamples } from '../../ts/data/examples.ts'
import { loadEmbedTexts } from '../../ts/data/embed-texts.ts'
import { pipeline } from '../../ts/index.ts'
import { softmax } from '../../ts/model/scores.ts'
import { traceTokens } from '../../ts/pipeline/offsets.ts'
import { byteLevelJson } from '../../ts/text/bare-vocabulary.ts'
import { BYTE_CHARACTERS } from '../../ts/text/normalizers.ts'
import { readSettings } from '../../ts/text/settings.ts'
import { tokenizerFromJson } from '../../ts/text/tokenizer.ts'
import { AutoModelForSequenceClassification, AutoTokenizer, env } from '../../ts/transformers.ts'
import { makePlace, type Place } from '../command-line.ts'

const COUNT = 130_000
const TWO = ['a good film', 'bad !']
const texts = Array.from({ length: COUNT }, (_, i) => TWO[i % 2])

let place: Place
beforeAll(async () => {
  place = await makePlace()
  Object.assign(env, { localModelPath: place.folder, allowRemoteModels: false })
  await writeFile(join(place.folder, 'lines.txt'), `${texts.join('\n')}\n`)
})
afterAll(() => place.remove())

/** Many texts have the numbers of two, which sums of f32 in another order move. */
function expectRepeated(found: readonly number[][], two: readonly number[][]): void {
  expect(found).toHaveLength(COUNT)
  for (const at of [0, COUNT - 2])
    two.forEach((row, i) => row.forEach((x, c) => expect(found[at + i][c]).toBeCloseTo(x, 5)))
}

describe(`${COUNT} texts`, () => {
  it('are classified', async () => {
    const classify = await pipeline('text-classification', place.model, { device: 'cpu', threads: 1 })
    const call = async (given: string[]) =>
      ((await classify(given, { batch_size: 4096 })) as { score: number }[]).map(({ score }) => [score])
    expectRepeated(await call(texts), await call(TWO))
    await classify.dispose()
  })

  it('become vectors', async () => {
    const extract = await pipeline('feature-extraction', place.model, { device: 'cpu', threads: 1 })
    const call = async (given: string[]) => {
      const { data, dims } = await extract(given, { pooling: 'mean', normalize: true, batch_size: 4096 })
      return given.map((_, i) => [...data.subarray(i * dims[1], (i + 1) * dims[1])])
    }
    expectRepeated(await call(texts), await call(TWO))
    await extract.dispose()
  })

  it('are tokenized and classified under the names of transformers.js', async () => {
    const tokenizer = await AutoTokenizer.from_pretrained('model')
    const model = await AutoModelForSequenceClassification.from_pretrained('model', { device: 'cpu', threads: 1 })
    const call = async (given: string[]) =>
      (await model(tokenizer(given, { padding: true, truncation: true }))).logits.tolist() as number[][]
    expectRepeated(await call(texts), await call(TWO))
    await model.dispose()
  })

  it('are classified and scored by the command line', async () => {
    const { code, stderr } = await place.run([
      ...['classify', place.model, '--in', 'lines.txt', '--out', 'answers.jsonl'],
      ...['--batch', '4096', '--threads', '1'],
    ])
    expect(code, stderr).toBe(0)
    const lines = (await readFile(join(place.folder, 'answers.jsonl'), 'utf8')).trimEnd().split('\n')
    const answers = lines.map((line) => JSON.parse(line) as { label: string; score: number })
    expectRepeated(
      answers.map(({ score }) => [score]),
      answers.slice(0, 2).map(({ score }) => [score]),
    )
    const rows = texts.map((text, i) => `${text},${answers[i].label}`)
    await writeFile(join(place.folder, 'rows.csv'), `text,label\n${rows.join('\n')}\n`)
    const scored = await place.run([
      ...['evaluate', place.model, '--data', 'rows.csv', '--no-floors', '--threads', '1', '--json'],
    ])
    expect(scored.code, scored.stderr).toBe(0)
    expect(JSON.parse(scored.stdout)).toMatchObject({ accuracy: 1 })
  })

  it('are read to learn vectors from', async () => {
    const file = join(place.folder, 'different.txt')
    await writeFile(file, texts.map((text, i) => `${text} ${i}\n`).join(''))
    const { train, test } = await loadEmbedTexts({ data: file, seed: 1 })
    expect(train.length + test.length).toBe(COUNT)
  })
})

it(`${COUNT} classes share out a score, and have as many examples each`, () => {
  expect(softmax(new Float32Array(COUNT))[COUNT - 1]).toBeCloseTo(1 / COUNT, 12)
  const examples = Array.from({ length: COUNT + 1 }, (_, i) => ({ label: i % COUNT }))
  expect(balanceExamples(examples, 1)).toHaveLength(2 * COUNT)
})

it('a word of 150,000 bytes has its tokens traced', () => {
  const vocabulary = Object.fromEntries(
    ['<s>', '</s>', '<unk>', '<pad>', '<mask>', ...BYTE_CHARACTERS].map((t, i) => [t, i]),
  )
  const json = byteLevelJson(JSON.stringify(vocabulary), '#version: 0.2\n', readSettings({}))
  const tokenizer = tokenizerFromJson(json)
  const tokens = traceTokens(tokenizer, '日'.repeat(50_000), 2 ** 30)
  expect(tokens).toHaveLength(150_002)
  expect(tokens[150_000]).toMatchObject({ start: 49_999, end: 50_000 })
})
