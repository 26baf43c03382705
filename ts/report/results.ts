// What a study found: the contents of results.json, and what follows from its rows.

import type { ComputerInfo, EngineInfo } from './machine.ts'
import type { PrepareOptions } from '../data/prepare.ts'

/** McNemar's p below which a difference counts as more than chance. */
export const SIGNIFICANT = 0.05

export const RESULTS_SCHEMA = 'compact-kernels/study/2'

/** Times in milliseconds for one batch; `n` runs. */
export interface Latency {
  threads: number
  /** tokens of the timed text, [CLS] and [SEP] included */
  tokens: number
  batch: number
  medianMs: number
  madMs: number
  p95Ms: number
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

export interface StudyRow {
  id: string
  /** recipe as it was applied, ranks included; '' for none */
  recipe: string
  /** the model folder inside the study's folder */
  folder: string
  /** of model.safetensors */
  bytes: number
  params: number
  /** density: numbers stored for the encoder's linears and their biases, of the baseline's; what that gains in time is another matter */
  kept: number
  f1: number
  /** 95 % bootstrap interval */
  f1Low: number
  f1High: number
  /** the row that this one was made of: 'baseline' or 'student'; the student's own parent is the baseline */
  parent: string
  /** share of the parent's F1 that is lost, with its paired 95 % bootstrap interval; 0 for the baseline */
  loss: number
  lossLow: number
  lossHigh: number
  /** true where the row and its parent differ by no more than chance would give: McNemar's p is 0.05 or more */
  isNoise: boolean
  accuracy: number
  /** seconds that making it took, its shared shaping and training included, its parent's not */
  makeSeconds: number
  /** share of test texts in the same class as the baseline puts them */
  agreement: number
  /** McNemar's exact test against the baseline; 1 for the baseline itself */
  mcnemarP: number
  cpu: Latency | null
  gpu: GpuLatency | null
  note: string
}

export interface Recommendation {
  aim:
    'smallest' | 'fastest on the CPU' | 'fastest on the GPU' | 'best F1' | 'smallest within 1 %' | 'fastest within 1 %'
  id: string
  reason: string
}

/** What decides the outcome of a study. */
export interface StudySettings extends Required<PrepareOptions> {
  /** layers x width, a preset, or the folder of a model trained before; null: what suits the built-in data */
  student: string | null
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
    train: number
    validation: number
    test: number
    /** SHA-256 over all texts and labels in order, first 16 hex digits */
    hash: string
    notes: string[]
  }
  seed: number
  settings: StudySettings
  rows: StudyRow[]
  recommendations: Recommendation[]
  notes: string[]
}

/** How many times less `row` is than `baseline`; null where either is missing. */
export function ratio(baseline: number | undefined | null, row: number | undefined | null): number | null {
  return baseline && row ? baseline / row : null
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`
const seconds = (ms: number): string => `${(ms / 1000).toPrecision(3)} s`

/** The rows to choose for each aim; ties go to the earlier row. Empty without rows. */
export function recommend(rows: StudyRow[]): Recommendation[] {
  const found: Recommendation[] = []
  const least = (among: StudyRow[], value: (row: StudyRow) => number | undefined): StudyRow | null => {
    let best: StudyRow | null = null
    for (const row of among) {
      const candidate = value(row)
      if (candidate !== undefined && (best === null || candidate < value(best)!)) best = row
    }
    return best
  }
  const add = (
    aim: Recommendation['aim'],
    among: StudyRow[],
    value: (row: StudyRow) => number | undefined,
    reason: (row: StudyRow) => string,
  ): void => {
    const row = least(among, value)
    if (!row) return
    const chance =
      row.id !== 'baseline' && row.mcnemarP >= SIGNIFICANT ? ", no more than chance from the baseline's" : ''
    const cost = `made in ${row.makeSeconds.toFixed(0)} s${row.parent === row.id ? '' : ` from ${row.parent}`}`
    found.push({ aim, id: row.id, reason: `${reason(row)}, F1 ${row.f1.toFixed(3)}${chance}; ${cost}` })
  }
  const emulated = rows.some((row) => row.gpu?.software) ? ' on the software GPU (emulated)' : ''
  add(
    'smallest',
    rows,
    (row) => row.bytes,
    (row) => megabytes(row.bytes),
  )
  add(
    'fastest on the CPU',
    rows,
    (row) => row.cpu?.medianMs,
    (row) => `${seconds(row.cpu!.medianMs)} a text`,
  )
  add(
    'fastest on the GPU',
    rows,
    (row) => row.gpu?.medianMs,
    (row) => `${seconds(row.gpu!.medianMs)} a text${emulated}`,
  )
  add(
    'best F1',
    rows,
    (row) => -row.f1,
    (row) => megabytes(row.bytes),
  )
  const baseline = rows.find((row) => row.id === 'baseline')
  if (baseline) {
    const close = rows.filter((row) => row.f1 >= 0.99 * baseline.f1)
    add(
      'smallest within 1 %',
      close,
      (row) => row.bytes,
      (row) => megabytes(row.bytes),
    )
    add(
      'fastest within 1 %',
      close,
      (row) => row.cpu?.medianMs,
      (row) => `${seconds(row.cpu!.medianMs)} a text on the CPU`,
    )
  }
  return found
}
