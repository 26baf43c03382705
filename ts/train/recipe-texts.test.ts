// Which texts `compress --recipe` learns from, and what.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { applyRecipe, parseRecipe } from '../recipe/apply.ts'
import { loadDataset } from '../data/dataset.ts'
import { loadModel, type LoadedModel } from '../model/load.ts'
import { randomModel } from '../model/preset.ts'
import { saveModel } from '../model/save.ts'
import { tokenizerFromVocabulary } from '../text/bare-vocabulary.ts'
import { calibrate } from './calibrate.ts'
import { recipeTexts } from './recipe-texts.ts'
import type { Reporter } from '../inference/reporter.ts'

vi.mock('./calibrate.ts', { spy: true })

const ROWS = 60
/** One word for every row, so that the words kept tell which rows were read. */
const own = Array.from({ length: ROWS }, (_, i) => `word${i}`)
const WORDS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'good', 'bad', ...own]
const notes: string[] = []
const reporter: Reporter = {
  stage: () => {},
  progress: () => {},
  done: () => {},
  note: (text) => void notes.push(text),
}
let folder = ''
let loaded: LoadedModel

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'compress-texts-'))
  const shape = { layers: 2, hiddenSize: 32, heads: 4, intermediateSize: 64, maxPositions: 12, typeVocabSize: 2 }
  const config = { vocabSize: WORDS.length, ...shape, layerNormEpsilon: 1e-12, labels: ['no', 'yes'], recipe: '' }
  const tokenizer = tokenizerFromVocabulary(WORDS, { lowercase: true })
  await saveModel(randomModel({ ...config, lowercase: true }, 3), join(folder, 'model'), {
    files: Object.fromEntries(tokenizer.files().map(({ name, content }) => [name, content])),
  })
  loaded = await loadModel(join(folder, 'model'))
  const texts = own.map((word, i) => `${i % 2 ? 'good' : 'bad'} ${word}`)
  const files = {
    'labelled.csv': `text,label\n${texts.map((text, i) => `${text},${i % 2 ? 'yes' : 'no'}`).join('\n')}\n`,
    'lines.txt': `${texts.join('\n')}\n`,
    'column.csv': `id,text\n${texts.map((text, i) => `${i},${text}`).join('\n')}\n`,
    'records.jsonl': texts.map((text) => JSON.stringify({ text })).join('\n'),
  }
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})
beforeEach(() => {
  notes.length = 0
  vi.mocked(calibrate).mockClear()
})

const apply = async (recipe: string, name: string, flags: { seed?: number; threads?: number; text?: string } = {}) => {
  const given = { seed: 1, data: join(folder, name), ...flags }
  const context = await recipeTexts(loaded, parseRecipe(recipe), { ...given, reporter })
  return applyRecipe(loaded.weights, recipe, { seed: 1, ...context })
}

describe('compress --recipe --data', () => {
  it.each([1, 2])(
    'reads of labelled rows the training part of seed %i alone, and counts [UNK] on the others',
    async (seed) => {
      const { vocabulary, notes: found } = await apply('vocab', 'labelled.csv', { seed })
      const { train, test } = await loadDataset(join(folder, 'labelled.csv'), { seed })
      expect([train.length, test.length]).toEqual([48, 12])
      const ofTrain = train.map(({ text }) => text.split(' ')[1])
      expect(new Set(vocabulary!.filter((word) => word.startsWith('word')))).toEqual(new Set(ofTrain))
      // one of four tokens of each text held out
      expect(found.join()).toContain('[UNK] 0.00 % of the tokens of 12 texts before, 25.00 % after')
    },
  )

  it.each(['lines.txt', 'column.csv', 'records.jsonl'])('reads %s, which has no labels', async (name) => {
    const { vocabulary, notes: found } = await apply('vocab', name)
    expect(vocabulary!.filter((word) => word.startsWith('word'))).toHaveLength(54)
    expect(found.join()).toContain('of the tokens of 6 texts before, 25.00 % after')
    expect(notes.join()).toContain('60 texts without labels, 6 of them held out')
    await apply('wanda50', name, { threads: 1 })
    const [, sequences, options] = vi.mocked(calibrate).mock.calls[0]
    expect(sequences).toHaveLength(ROWS)
    expect(options).toMatchObject({ threads: 1 })
  })

  it('takes no other column in place of one that was named', async () => {
    await expect(apply('vocab', 'column.csv', { text: 'words' })).rejects.toThrow(
      /found id, text; expected .*option text/,
    )
  })

  it('calibrates on the training part of labelled rows', async () => {
    await apply('wanda50', 'labelled.csv')
    expect(vi.mocked(calibrate).mock.calls[0][1]).toHaveLength(48)
  })

  it('cuts heads and neurons by their importance over the texts, whatever came before', async () => {
    const step = 'heads6-ffn1536'
    const { layers } = (await apply(step, 'labelled.csv')).model
    expect(layers).not.toEqual((await applyRecipe(loaded.weights, step, { seed: 1 })).model.layers)
    expect((await apply(`vocab+${step}`, 'labelled.csv')).model.layers).toEqual(layers)
    expect((await apply(`e8+vocab+${step}`, 'labelled.csv')).model.layers).toHaveLength(2)
  })
})
