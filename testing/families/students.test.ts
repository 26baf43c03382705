// Students of every family: of the teacher's own family where they have its words, of BERT's or with a padding token of
// their own where they have others.
import { describe, expect, it } from 'vitest'
import { startStudent } from '../../ts/distil/student.ts'
import { loadClassifier } from '../../ts/inference/classifier.ts'
import { openTokenizer } from '../../ts/inference/tokenizer.ts'
import { memoryFiles } from '../../ts/io/folder.ts'
import { loadModelFiles } from '../../ts/model/load.ts'
import { encodeModel } from '../../ts/model/save.ts'
import { appliedLayers } from '../../ts/model/weights.ts'
import { shapeOfModel } from '../../ts/train/convert.ts'
import { matchesOf, uniformLayerMap } from '../../ts/train/hidden.ts'
import { trainClassifier } from '../../ts/train/loop.ts'
import { fixture } from './trained.ts'

const SIZE = { layers: 1, hiddenSize: 8, heads: 2, intermediateSize: 8 }
const PLAN = { size: SIZE, maxPositions: 24, preparation: null, seed: 1 }
const CLASSIFIERS = ['bert', 'distilbert', 'roberta', 'xlm-roberta', 'mpnet'].map(
  (family) => `${family}-classification`,
)

describe.each(CLASSIFIERS)('%s', (name) => {
  const { folder, expected } = fixture(name)
  const texts = expected.inputs.map(({ text }) => text)

  it('has fresh students with its words, to which its hidden states can be compared', async () => {
    const teacher = await loadClassifier(folder)
    const { weights, teacher: taught } = await startStudent(teacher, texts, {
      ...PLAN,
      init: 'fresh',
      vocabulary: 'same',
    })
    expect(weights.config.family).toBe(teacher.weights.config.family)
    expect(weights.config.paddingId).toBe(teacher.weights.config.paddingId)
    const layers = uniformLayerMap(appliedLayers(weights).length, appliedLayers(teacher.weights).length)
    const matches = matchesOf(shapeOfModel(weights), { teacher: taught!, layers, weight: 1 })
    expect(matches).toHaveLength(2)
    expect((await loadModelFiles(memoryFiles(encodeModel(weights), 'folder'))).weights).toEqual(weights)
  })

  it('has students with new words that start from its own', async () => {
    const teacher = await loadClassifier(folder)
    const plan = { ...PLAN, init: 'teacher' as const, vocabulary: 64 }
    const { weights, tokenizer, files } = await startStudent(teacher, texts, plan)
    const { paddingId } = weights.config
    // the new vocabulary begins with [PAD] [UNK], and [UNK] is no padding
    if (teacher.weights.config.paddingId !== undefined) {
      expect(paddingId).toBe(0)
      expect(weights.embeddings.before!.rows).toBe(1)
      expect(weights.embeddings.before!.data).toHaveLength(SIZE.hiddenSize)
    } else expect(paddingId).toBeUndefined()
    const ids = tokenizer.encode(`${texts[0]} \u{1f600}`, 24)
    expect([...ids]).toContain(1)
    const { losses } = await trainClassifier(weights, [{ ids, label: 0 }], { steps: 3, dropout: 0, threads: 1 })
    expect(losses[2]).toBeLessThan(losses[0])
    const again = await loadModelFiles(memoryFiles({ ...encodeModel(weights), ...files }, 'folder'))
    // how the tokenizer's own files say it
    const { lowercase } = again.weights.config
    expect(again.weights).toEqual({ ...weights, config: { ...weights.config, lowercase } })
    const reopened = await openTokenizer(again.tokenizerFiles, again.weights.config, 'the student')
    expect(reopened.encode(texts[0], 24)).toEqual(tokenizer.encode(texts[0], 24))
  })
})

it('a vocabulary that is none of WordPiece is not cut to the task', async () => {
  const { folder } = fixture('roberta-classification')
  const plan = { ...PLAN, init: 'fresh' as const, vocabulary: 'task' as const }
  await expect(startStudent(await loadClassifier(folder), ['a'], plan)).rejects.toThrow(/give the vocabulary 'same'/)
})
