// `compress` of a model without a classifier, from outside: it learns from texts without labels and says what that costs.

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectSentence, makePlace } from '../../testing/command-line.ts'
import { loadModel } from '../model/load.ts'
import { saveModel } from '../model/save.ts'

const { folder, model, run, remove } = await makePlace()
afterAll(remove)

const WORDS = ['good', 'bad', 'film', 'a', 'very', '!']
/** Texts that all differ: each a number in base 6, a word a digit. */
const texts = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) =>
    Array.from({ length: 5 }, (_, d) => WORDS[Math.floor((7 * (from + i)) / 6 ** d) % 6]).join(' '),
  )
const compress = async (...args: string[]) => {
  const { code, stdout, stderr } = await run(['compress', 'embedder', ...args, '--json', '--threads', '1'])
  expect(code, stderr).toBe(0)
  return { ...JSON.parse(stdout), stderr }
}

beforeAll(async () => {
  const { weights, tokenizerFiles } = await loadModel(model)
  const bare = { ...weights, config: { ...weights.config, labels: [] }, classifier: null }
  await saveModel(bare, join(folder, 'embedder'), { files: tokenizerFiles })
  // no modules.json: the mean of the rows
  await saveModel(bare, join(folder, 'mean'), { files: tokenizerFiles })
  const types = ['Transformer', 'Pooling', 'Normalize']
  const modules = types.map((type, i) => ({ type: `models.${type}`, path: i === 0 ? '' : `${i}_${type}` }))
  await writeFile(join(folder, 'embedder/modules.json'), JSON.stringify(modules))
  await mkdir(join(folder, 'embedder/1_Pooling'))
  await writeFile(join(folder, 'embedder/1_Pooling/config.json'), JSON.stringify({ pooling_mode_cls_token: true }))
  await writeFile(join(folder, 'lines.txt'), texts(0, 600).join('\n'))
  await writeFile(join(folder, 'new.txt'), texts(600, 700).join('\n'))
  const rows = texts(0, 300).map((text, i) => `${text},${i % 2 ? 'x' : 'y'}`)
  await writeFile(join(folder, 'labelled.csv'), `text,label\n${rows.join('\n')}\n`)
})

describe('compress of an embedder', () => {
  it.each(['wanda50', 'wtucker:0.25+q8:static', 'heads6-ffn1536+q8+e8'])(
    '%s learns from texts without labels, and the cost is cosine and neighbours on others',
    async (recipe) => {
      const { quality, notes } = await compress('--recipe', recipe, '--data', 'lines.txt', '--out', 'made')
      expect(quality).toMatchObject({ texts: 60, neighbours: 10, pooling: 'cls, normalized' })
      expect(quality.from).toBe('texts of lines.txt that no step learned from')
      for (const { mean, low, high } of [quality.cosine, quality.overlap]) {
        expect(low).toBeLessThanOrEqual(mean)
        expect(high).toBeGreaterThanOrEqual(mean)
        expect(mean).toBeGreaterThan(0.1)
        // ten words span few dimensions, of which factors may lose nothing
        expect(mean).toBeLessThan(1 + 1e-12)
      }
      if (recipe.startsWith('heads')) expect(notes.join()).toMatch(/in \d+ rounds/)
    },
  )

  it('is measured on --test, and on the test part of labelled texts', async () => {
    const args = ['compress', 'embedder', '--recipe', 'q8', '--threads', '1', '--out', 'made']
    const { stdout } = await run([...args, '--test', 'new.txt'])
    expect(stdout).toMatch(/beside those of the uncompressed model, on 100 texts of new\.txt, with 95 % intervals:\n/)
    expect(stdout).toMatch(/ {2}mean cosine [01]\.\d{4} \[/)
    expect(stdout).toMatch(/ {2}share of the 10 nearest neighbours kept [01]\.\d{4} \[/)
    const { quality } = await compress('--recipe', 'q8', '--data', 'labelled.csv', '--out', 'made')
    expect(quality.texts).toBe(60)
  })

  it('by --max-loss keeps so much cosine, by --budget so many bytes', async () => {
    const goal = ['--max-loss', '10%', '--data', 'lines.txt', '--out', 'made']
    const { vectors, texts } = await compress(...goal)
    expect(texts).toEqual({ calibration: 512, development: 60 })
    expect(vectors.cosine.mean).toBeGreaterThanOrEqual(0.9)
    const asked = ['compress', 'embedder', '--budget', '20kB', '--data', 'lines.txt', '--test', 'new.txt']
    const { stdout, stderr } = await run([...asked, '--threads', '1', '--out', 'made'])
    expect(stdout, stderr).toMatch(/mean cosine to the vectors before [01]\.\d{4} \[.*\], on 100 texts held out\n/)
  })

  it('evaluate compares two embedders', async () => {
    await compress('--recipe', 'q8', '--out', 'int8')
    const asked = ['evaluate', 'int8', '--data', 'new.txt', '--threads', '1']
    const { stdout, stderr } = await run([...asked, '--against', 'embedder'])
    expect(stdout, stderr).toMatch(
      /beside those of embedder, on 100 texts of new\.txt, with 95 % intervals:\n {2}mean cosine/,
    )
    expectSentence(await run(asked), /int8 has no classifier: .* give --against MODEL/, 2)
  })

  it('--train brings back what steps take out, by the vectors of before', async () => {
    const asked = [
      '--recipe',
      'sp50x4+qat+q8+e8',
      '--data',
      'lines.txt',
      '--out',
      'trained',
      '--json',
      '--threads',
      '1',
    ]
    const train = ['--train', '--epochs', '2', '--learning-rate', '1e-3']
    const { code, stdout, stderr } = await run(['compress', 'mean', ...asked, ...train])
    expect(code, stderr).toBe(0)
    const { quality, notes } = JSON.parse(stdout)
    expect(notes.join()).toMatch(/zeros grown in 60 % of the steps, .* operands rounded: \d+ steps/)
    expect(quality).toMatchObject({ texts: 60, pooling: 'mean, normalized' })
    const config = JSON.parse(await readFile(join(folder, 'trained/config.json'), 'utf8'))
    expect(config.compression.recipe).toBe('sp50x4+qat+q8+e8')
    const plain = await run(['compress', 'mean', ...asked.map((of) => of.replace('+qat', ''))])
    expect(quality.cosine.mean).toBeGreaterThan(JSON.parse(plain.stdout).quality.cosine.mean)
    expectSentence(await run(['compress', 'mean', ...asked]), /'qat' is a training, .*give compress --train/)
    expectSentence(
      await run(['compress', 'embedder', ...asked, ...train]),
      /--train compares means of all rows, and this model pools by cls: leave it out/,
      2,
    )
  })

  it('study trains rows on so many texts as asked, hidden states beside', async () => {
    const asked = ['study', '--task', 'embed', '--model', 'mean', '--data', 'lines.txt', '--threads', '1']
    const trained = ['--variants', 'qat+q8+e8', '--taught', '64', '--passes', '1', '--hidden-weight', '0.5']
    const { code, stdout, stderr } = await run([...asked, ...trained, '--out', 'study', '--json'])
    expect(code, stderr).toBe(0)
    const { rows } = JSON.parse(stdout)
    expect(rows[1].note).toMatch(/trained again, operands rounded: 2 steps of 32 texts/)
    expectSentence(
      await run([...asked, ...trained, '--no-tuning', '--out', 'x']),
      /--hidden-weight is of the training/,
      2,
    )
    expectSentence(await run(['study', '--taught', '9', '--out', 'x']), /--taught goes with --task embed/, 2)
  })

  it('says where there is nothing to measure with', async () => {
    const { quality, remarks } = await compress('--recipe', 'q8', '--out', 'made')
    expect(quality).toBeNull()
    expect(remarks[0]).toMatch(/not measured: give texts, one a line or a column, with --data FILE or --test FILE/)
    const asked = ['compress', 'embedder', '--recipe', 'wsvd:0.5', '--out', 'never']
    expectSentence(await run(asked), /needs texts to run through the layers: give them with --data FILE/, 2)
  })
})
