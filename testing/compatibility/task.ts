// What the fixtures are made of: a vocabulary of 30 words, a corpus of two classes, the recipes, and two trainings. The
// script that made the fixtures and the test that reads them share it, so it must not change.

import type { BertConfig } from '../../ts/index.ts'
import type { TrainExample, TrainOptions, initializeModel } from '../../ts/train.ts'

export const VOCABULARY = [
  ...['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'],
  ...['the', 'a', 'was', 'is', 'and', 'but', 'not', 'film', 'book', 'plot', 'cast', 'song', 'end', 'very', 'so'],
  ...['good', 'great', 'fine', 'warm', 'bad', 'dull', 'weak', 'cold', 'slow', '##ly', '##er'],
]

const SUBJECTS = ['the film', 'a book', 'the plot', 'the cast', 'a song', 'the end']
const GOOD = ['good', 'great', 'fine', 'warm']
const BAD = ['bad', 'dull', 'weak', 'cold', 'slow']

/** 48 sentences, every other one good. */
export const CORPUS = Array.from({ length: 48 }, (_, i) => {
  const isGood = i % 2 === 0
  const word = (list: string[], step: number): string => list[Math.floor((i * step) / 2) % list.length]
  const [first, second] = isGood ? [word(GOOD, 1), word(GOOD, 3)] : [word(BAD, 1), word(BAD, 3)]
  const text = `${word(SUBJECTS, 5)} was ${i % 3 ? 'very' : 'so'} ${first} and ${word(SUBJECTS, 7)} is ${second}`
  return { text, label: isGood ? 'good' : 'bad' }
})

/** What the fixtures' logits are of: short, with a word that no vocabulary has, and longer than the positions. */
export const TEXTS = [
  'the film was great',
  'a dull plot but the zebra is warmer',
  'the cast was slow and the song is cold and the book was weak and the end is very good so the film is fine',
]

export const CONFIG: BertConfig = {
  vocabSize: VOCABULARY.length,
  hiddenSize: 16,
  layers: 2,
  heads: 2,
  // no multiple of 16 or 32: kernels have a last part of a tile
  intermediateSize: 24,
  maxPositions: 20,
  typeVocabSize: 2,
  layerNormEpsilon: 1e-12,
  labels: ['bad', 'good'],
  recipe: '',
  lowercase: true,
}

/** Of the student, and of the trainings that are stopped. */
export const NARROW: BertConfig = { ...CONFIG, layers: 1, hiddenSize: 8, intermediateSize: 16 }

/** Folder -> recipe, applied to the folder f32 by the command line; the folder student is made through the API. */
export const RECIPES = {
  'q8-e8': 'q8+e8',
  'q8-static': 'q8:static',
  sp80: 'sp80',
  'sp80x4-q8-e8': 'sp80x4+q8+e8',
  'wanda50x4-q8-static': 'wanda50x4+q8:static',
  nm: 'nm2:4',
  svd: 'svd:0.25',
  'svd-sp50-q8': 'svd:0.5+sp50x4+q8',
  'tucker-q8-e8': 'tucker:0.25+q8+e8',
  tucker3: 'tucker3:0.25',
  heads: 'heads6-ffn1536',
  vocab: 'vocab',
} as const

/** Of the `train` that is stopped. */
export const TRAIN_FLAGS = '--epochs 100 --batch 2 --learning-rate 0.001 --seed 3 --threads 1 --json'.split(' ')

export interface Expected {
  commit: string
  /** folder -> logits of each of TEXTS */
  logits: Record<string, number[][]>
  /** folder -> SHA-256 of model.safetensors */
  bytes: Record<string, string>
  /** training -> SHA-256 of model.safetensors when it was done */
  trained: Record<string, string>
}

/** A training with everything that an interruption could lose: the state holds it all. */
export function everything(initialize: typeof initializeModel): {
  start: ReturnType<typeof initializeModel>
  examples: TrainExample[]
  options: TrainOptions
} {
  const ids = (i: number, length: number): Int32Array =>
    Int32Array.from({ length }, (_, at) => (at === 0 ? 2 : at === length - 1 ? 3 : 5 + ((i * 7 + at * 11) % 25)))
  const toy = (count: number, seed: number): TrainExample[] =>
    Array.from({ length: count }, (_, i) => ({ ids: ids(i + seed, 5 + (i % 7)), label: i % 2 }))
  const stem = 'bert.encoder.layer.0.attention.self.key'
  return {
    start: initialize(NARROW, 1),
    examples: toy(32, 1),
    options: {
      steps: 24,
      batch: 8,
      accumulate: 2,
      learningRate: 3e-3,
      threads: 1,
      cycles: 3,
      floor: 0.1,
      validation: toy(16, 2),
      validateEvery: 5,
      keep: 'best',
      maskSchedule: {
        every: 3,
        until: 0.5,
        masks: (done, model) => {
          const { data } = model.layers[0].key.weight as { data: Float32Array }
          const threshold = data.map(Math.abs).toSorted()[Math.floor((done / 2) * data.length)]
          return { [stem]: Uint8Array.from(data, (w) => (Math.abs(w) >= threshold ? 1 : 0)) }
        },
      },
      pieceDropout: {
        rate: 0.3,
        pairs: VOCABULARY.map((_, id) => (id > 8 ? Int32Array.of(6, 7) : new Int32Array(0))),
      },
      hidden: { teacher: initialize({ ...NARROW, hiddenSize: 16 }, 7), layers: [[1, 1]], weight: 0.1 },
    },
  }
}
