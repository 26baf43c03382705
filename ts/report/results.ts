// What a study found: the contents of results.json, and what follows from its rows.

import type { ComputerInfo, EngineInfo } from './machine.ts'
import type { PrepareOptions, TaskOptions } from '../data/prepare.ts'
import type { Floor } from '../evaluation/floors.ts'
import type { Change } from '../evaluation/paired.ts'
import type { ConfusionMatrix, Metric } from '../evaluation/statistics.ts'
import type { Speed } from '../evaluation/speed.ts'
import type { TeacherChoice } from '../train/defaults.ts'

export const RESULTS_SCHEMA = 'compact-kernels/study/3'

/** What a row may lose of the deciding measure and still be called no worse: 1 point of 100. */
export const MARGIN = 0.01

/** Times in milliseconds for one batch; `n` runs. */
export interface Latency {
  threads: number
  /** tokens of the timed text, [CLS] and [SEP] included */
  tokens: number
  batch: number
  medianMs: number
  /** 95 % interval of the median, from the medians of the rounds; fewer than 6 rounds: their range */
  lowMs: number
  highMs: number
  madMs: number
  p95Ms: number
  /** against the baseline, round by round; null for the baseline itself */
  speed: Speed | null
  /** a new device, weights packed and the first answer */
  coldMs: number
  n: number
  /** the whole test set in ragged batches; absent where it was not run */
  textsPerSecond?: number
}

export interface GpuLatency extends Latency {
  adapter: string
  /** true where the adapter is emulated on the CPU */
  software: boolean
  /** share of `checked` test texts that GPU and CPU put in the same class */
  agreement: number
  /** largest difference of a logit between GPU and CPU over the checked texts */
  maxDifference: number
  checked: number
}

/** Milliseconds of one row for texts of one length, so many at a time. */
export interface ShapeTime {
  id: string
  device: 'cpu' | 'gpu'
  /** of each text */
  tokens: number
  /** texts at a time */
  batch: number
  medianMs: number
  /** 95 % interval of the median, as in `Latency` */
  lowMs: number
  highMs: number
  n: number
}

export interface StudyRow {
  id: string
  /** recipe as it was applied, ranks included; '' for none */
  recipe: string
  /** the model folder inside the study's folder */
  folder: string
  /** SHA-256 of the folder's model, 16 hex digits; rows of version 0.1 do not have it */
  modelDigest?: string
  /** of model.safetensors */
  bytes: number
  params: number
  /** where the bytes of the model are, as `inspect` shows them; rows of earlier versions do not have it */
  ledger?: { name: string; kind: string; bytes: number }[]
  /** density: numbers stored for the encoder's linears and their biases, of the baseline's; what that gains in time is another matter */
  kept: number
  accuracy: number
  /** of the positive class */
  f1: number
  /** 95 % bootstrap interval */
  f1Low: number
  f1High: number
  macroF1: number
  mcc: number
  /** texts by [expected][predicted] class */
  confusion: ConfusionMatrix
  /** 95 % bootstrap interval of the deciding measure */
  low: number
  high: number
  /** the deciding measure on the validation texts, which everything is chosen by */
  validation: number
  /** the row that this one was made of: 'baseline' or 'student'; the student's own parent is the baseline */
  parent: string
  /** what the row loses of the baseline's deciding measure, in its unit, with a paired interval; 0 for the baseline */
  loss: number
  lossLow: number
  lossHigh: number
  /** what that interval says, which is the only test of the difference; 'open' for the baseline */
  change: Change
  /** non-inferiority: all of the interval lies below the margin */
  isNoWorse: boolean
  /** seconds that making it took, its shared shaping and training included, its parent's not */
  makeSeconds: number
  /** share of test texts in the same class as the baseline puts them */
  agreement: number
  cpu: Latency | null
  gpu: GpuLatency | null
  note: string
}

/** A test text that a row puts in another class than the baseline; classes are indices of the labels. */
export interface Flip {
  /** of the row */
  id: string
  /** place in the test part of the data, from 0 */
  index: number
  expected: number
  baseline: number
  row: number
  /** its beginning, where the data are synthetic or the user asked for texts */
  text?: string
}

/** What one machine measured of a study that several machines ran. */
export interface MachineTimes {
  machine: ComputerInfo
  engine: EngineInfo
  date: string
  /** `modelDigest` as in `StudyRow`; null where there is none */
  rows: (Pick<StudyRow, 'id' | 'cpu' | 'gpu'> & { modelDigest: string | null })[]
}

export interface Recommendation {
  aim: 'smallest' | 'fastest on the CPU' | 'fastest on the GPU' | 'best'
  id: string
  reason: string
}

/** What decides the outcome of a study. */
export interface StudySettings extends Required<Omit<PrepareOptions, keyof TaskOptions>> {
  /** what decides: ranks, variants, recommendations and every statement about a difference */
  metric: Metric
  /** label that F1 is of; null: of two the rarer one */
  positive: string | null
  /** the baseline reads texts of rarer classes more often, so that all classes weigh the same */
  balance: boolean
  /** what teaches a baseline with random weights beside the labels; studies of earlier versions do not have it, and had none */
  teacher: TeacherChoice
  /** the baseline decides between two classes where the deciding measure is best on the validation texts */
  threshold: boolean
  /** layers x width, a preset, or the folder of a model trained before; null: what suits the built-in data */
  student: string | null
  /** most tokens of a text; longer ones lose their end */
  tokens: number
  /** about this long in all, on two cores */
  minutes: number
  quick: boolean
  /** false: shaped weights are not trained again */
  isTuned: boolean
  /** passes over the training texts that a row trained again gets where time allows; null: what the budget plans */
  passes: number | null
  /** gamma of the base's hidden states beside its logits, in the training of shaped weights; 0: logits alone */
  hiddenWeight: number
}

export interface StudyResults {
  schema: typeof RESULTS_SCHEMA
  /** false while rows or times are missing */
  finished: boolean
  date: string
  machine: ComputerInfo
  engine: EngineInfo
  model: { source: string; shape: string; trained: string }
  data: {
    source: string
    name: string
    labels: string[]
    /** label that F1 is of; null: the mean over all */
    positive: string | null
    train: number
    validation: number
    test: number
    /** SHA-256 over all texts and labels in order, first 16 hex digits */
    hash: string
    notes: string[]
  }
  seed: number
  settings: StudySettings
  /** on the same test texts, trained on the same training texts */
  floors: Floor[]
  /** statements about differences that are right together in 95 % of the cases (Bonferroni): one a row but the baseline */
  family: number
  /** what a row may lose and be called no worse */
  margin: number
  rows: StudyRow[]
  recommendations: Recommendation[]
  /** the baseline, the student and the recommended rows by length and batch, on real devices */
  shapes: ShapeTime[]
  /** row by row; results of earlier versions do not have them */
  flips?: Flip[]
  /** of merged studies, the first machine's own too */
  machines?: MachineTimes[]
  notes: string[]
}

/** How many times less `row` is than `baseline`; null where either is missing. */
export function ratio(baseline: number | undefined | null, row: number | undefined | null): number | null {
  return baseline && row ? baseline / row : null
}
