// What decides the outcome of a study. Two runs with the same settings and version can share what is on disk; variants,
// devices and threads only choose among it.

import { checkNames, type OptionNames } from '../../kernels/program/check-options.ts'
import { NEW_STUDENT_VOCABULARY } from '../distil/defaults.ts'
import { BUILTIN_MAIL } from '../data/mail/name.ts'
import { BUILTIN_REVIEWS, REVIEW_COUNT } from '../data/reviews/reviews.ts'
import type { EncoderSize } from '../model/preset.ts'
import type { StudySettings } from '../report/results.ts'
import { NEW_MODEL, PEAK_RATE } from '../train/defaults.ts'

/** `out`; the rest as in `StudySettings`, with the values below where not given. */
export interface StudyOptions extends Partial<StudySettings> {
  /** folder of results and models; a study that was stopped goes on there */
  out: string
  /** ids or recipes joined by commas, 'paper' or 'all'; all */
  variants?: string
  /** both where not given, and without a GPU the CPU alone, which is said */
  devices?: ('cpu' | 'gpu')[]
  /** CPU threads; the device's own choice where not given */
  threads?: number
  /** forgets what is on disk */
  fresh?: boolean
  /** results and report carry the beginning of test texts that flip; those of synthetic data always do */
  showTexts?: boolean
}

const OPTIONS: OptionNames<StudyOptions> = {
  ...{ out: true, variants: true, devices: true, threads: true, fresh: true, showTexts: true },
  ...{ model: true, data: true, test: true, validation: true, unlabelled: true, text: true, label: true },
  ...{ preparation: true, seed: true, tokens: true, minutes: true, quick: true, isTuned: true, metric: true },
  ...{ positive: true, balance: true, threshold: true, teacher: true, student: true, passes: true },
  ...{ hiddenWeight: true },
}

/** Minutes of the whole study (clock.ts): its promise is ten, and two with `quick`. */
const MINUTES = { whole: 9, quick: 1.8 }
/**
 * Half of the e-mails are longer than 300 tokens. Logistic regression that reads no more than 128, 256, 512 tokens of each has
 * macro F1 0.963, 0.970, 0.981, and 0.980 on the whole ones (seed 1).
 */
const MAIL_TOKENS = 512
/** Above so many tokens of a text a narrower model takes as long to train. */
const LONG_TEXTS = 256
const NARROW_BASELINE = { layers: 2, hiddenSize: 96, heads: 3, intermediateSize: 384 }

/** The settings alone. Their order is part of the key of what is on disk. */
export function settingsOf(options: StudyOptions): StudySettings {
  checkNames('runStudy', options, OPTIONS)
  const { quick = false } = options
  const data = options.data ?? (quick ? BUILTIN_REVIEWS : BUILTIN_MAIL)
  return {
    model: options.model ?? 'scratch',
    data,
    test: options.test ?? null,
    validation: options.validation ?? null,
    unlabelled: options.unlabelled ?? null,
    text: options.text ?? null,
    label: options.label ?? null,
    preparation: options.preparation ?? null,
    seed: options.seed ?? 1,
    tokens: options.tokens ?? (data === BUILTIN_MAIL ? MAIL_TOKENS : NEW_MODEL.maxPositions),
    minutes: options.minutes ?? (quick ? MINUTES.quick : MINUTES.whole),
    quick,
    isTuned: options.isTuned ?? true,
    metric: options.metric ?? 'macroF1',
    positive: options.positive ?? null,
    balance: options.balance ?? false,
    threshold: options.threshold ?? false,
    teacher: options.teacher ?? 'linear',
    student: options.student ?? null,
    passes: options.passes ?? null,
    hiddenWeight: options.hiddenWeight ?? 0,
  }
}

/** How big things are for a budget. Training steps shrink where the machine needs longer than planned (clock.ts). */
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
  /** fewer steps teach a model with random weights nothing: small data is read more often */
  leastSteps: number
  /** sequences a step */
  batch: number
  learningRate: { scratch: number; pretrained: number; tune: number; student: number }
  /** test texts whose GPU logits are compared */
  checked: number
}

/** The plan for a number of minutes; `quick` takes smaller data and models. */
export function scaleFor({ minutes, quick, tokens }: Pick<StudySettings, 'minutes' | 'quick' | 'tokens'>): Scale {
  const baseline = quick || tokens > LONG_TEXTS ? NARROW_BASELINE : NEW_MODEL.baseline
  const shared = {
    maxPositions: tokens,
    batch: 32,
    leastSteps: 300,
    learningRate: {
      scratch: baseline === NARROW_BASELINE ? 1e-3 : PEAK_RATE.scratch,
      pretrained: PEAK_RATE.pretrained,
      tune: 3e-4,
      student: PEAK_RATE.narrow,
    },
    studentVocabulary: NEW_STUDENT_VOCABULARY,
  }
  return quick
    ? {
        ...shared,
        reviews: 12_000,
        maxTrain: 12_000,
        maxTest: 1000,
        vocabulary: 4096,
        baseline,
        student: { layers: 1, hiddenSize: 32, heads: 2, intermediateSize: 64 },
        epochs: { baseline: 8, student: 6, tune: 0.8 },
        checked: 16,
      }
    : {
        ...shared,
        reviews: REVIEW_COUNT,
        // a thousand texts for a minute and half as many again: more would not be read once
        maxTrain: Math.max(24_000, Math.round(minutes * 1500)),
        maxTest: Infinity,
        vocabulary: NEW_MODEL.vocabulary,
        baseline,
        student: { layers: 2, hiddenSize: 32, heads: 2, intermediateSize: 64 },
        epochs: { baseline: 8, student: 11, tune: 1 },
        checked: 64,
      }
}
