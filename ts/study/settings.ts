// What decides the outcome of a study. Two runs with the same settings and version can share what is on disk; variants,
// devices and threads only choose among it.

import { REVIEW_COUNT } from '../data/reviews/reviews.ts'
import type { EncoderSize } from '../model/preset.ts'
import type { StudySettings } from '../report/results.ts'

export interface StudyOptions extends StudySettings {
  out: string
  /** ids joined by commas, 'paper' or 'all' */
  variants: string
  /** null: both, and without a GPU the CPU alone, which is said */
  devices: ('cpu' | 'gpu')[] | null
  /** CPU threads; 0 for the device's own choice */
  threads: number
  /** forget what is on disk */
  fresh: boolean
}

/** How big things are for a budget. Training steps shrink further where the machine needs longer than planned. */
export interface Scale {
  /** texts made by builtin:reviews */
  reviews: number
  /** most training and test texts taken from a file */
  maxTrain: number
  maxTest: number
  vocabulary: number
  studentVocabulary: number
  baseline: EncoderSize
  student: EncoderSize
  maxPositions: number
  epochs: { baseline: number; student: number; tune: number }
  /** steps below which a model from random weights has not begun to learn: small data is read more often */
  leastSteps: number
  /** sequences a step */
  batch: number
  learningRate: { scratch: number; pretrained: number; tune: number; student: number }
  /** shares of the budget in seconds that training may take: baseline, student, every fine-tuning together */
  seconds: { baseline: number; student: number; tune: number; latency: number }
  /** test texts whose GPU logits are compared */
  checked: number
}

/** The plan for a number of minutes; `quick` takes smaller data and models. */
export function scaleFor(minutes: number, quick: boolean): Scale {
  const seconds = minutes * 60
  const shared = {
    maxPositions: 128,
    batch: 32,
    leastSteps: 300,
    // 192 wide, 1e-3 ends at F1 0.92 on the built-in reviews where 5e-4 reaches 0.95
    learningRate: { scratch: quick ? 1e-3 : 5e-4, pretrained: 1e-4, tune: 3e-4, student: 2e-3 },
    seconds: {
      baseline: seconds * 0.36,
      student: seconds * 0.1,
      tune: seconds * 0.3,
      latency: seconds * 0.1,
    },
  }
  return quick
    ? {
        ...shared,
        reviews: 8000,
        maxTrain: 8000,
        maxTest: 1000,
        vocabulary: 4096,
        studentVocabulary: 1536,
        baseline: { layers: 2, hiddenSize: 96, heads: 3, intermediateSize: 384 },
        student: { layers: 1, hiddenSize: 32, heads: 2, intermediateSize: 64 },
        epochs: { baseline: 6, student: 6, tune: 0.8 },
        checked: 16,
      }
    : {
        ...shared,
        reviews: REVIEW_COUNT,
        // a thousand texts for a minute and half as many again: more would not be read once
        maxTrain: Math.max(24_000, Math.round(minutes * 1500)),
        maxTest: 2500,
        vocabulary: 8192,
        studentVocabulary: 1536,
        baseline: { layers: 2, hiddenSize: 192, heads: 6, intermediateSize: 768 },
        student: { layers: 2, hiddenSize: 32, heads: 2, intermediateSize: 64 },
        epochs: { baseline: 8, student: 11, tune: 1 },
        checked: 64,
      }
}
