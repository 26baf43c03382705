// What a study found: the contents of results.json, and what follows from its rows.

import type { ComputerInfo, EngineInfo } from './machine.ts'
import type { PrepareOptions, TaskOptions } from '../data/prepare.ts'

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
  /** SHA-256 of the folder's model, 16 hex digits; rows of version 0.1 do not have it */
  modelDigest?: string
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
export interface StudySettings extends Required<Omit<PrepareOptions, keyof TaskOptions>> {
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

/** What is the least for an aim, and how its reason begins. */
interface Aim {
  aim: Recommendation['aim']
  value: (row: StudyRow) => number | undefined
  reason: (row: StudyRow) => string
}

/** The rows to choose for each aim; ties go to the earlier row. Empty without rows. */
export function recommend(rows: StudyRow[]): Recommendation[] {
  const emulated = rows.some((row) => row.gpu?.software) ? ' on the software GPU (emulated)' : ''
  const bytes = (row: StudyRow): number => row.bytes
  const size = (row: StudyRow): string => megabytes(row.bytes)
  const cpu = (row: StudyRow): number | undefined => row.cpu?.medianMs
  const time = (row: StudyRow): string => `${seconds(row.cpu!.medianMs)} a text`
  const gpu: Aim = {
    aim: 'fastest on the GPU',
    value: (row) => row.gpu?.medianMs,
    reason: (row) => `${seconds(row.gpu!.medianMs)} a text${emulated}`,
  }
  const overall: Aim[] = [
    { aim: 'smallest', value: bytes, reason: size },
    { aim: 'fastest on the CPU', value: cpu, reason: time },
    gpu,
    { aim: 'best F1', value: (row) => -row.f1, reason: size },
  ]
  const close: Aim[] = [
    { aim: 'smallest within 1 %', value: bytes, reason: size },
    { aim: 'fastest within 1 %', value: cpu, reason: (row) => `${time(row)} on the CPU` },
  ]
  const baseline = rows.find((row) => row.id === 'baseline')
  const near = baseline ? rows.filter((row) => row.f1 >= 0.99 * baseline.f1) : []
  return [...overall.flatMap((aim) => best(rows, aim)), ...close.flatMap((aim) => best(near, aim))]
}

function best(among: StudyRow[], { aim, value, reason }: Aim): Recommendation[] {
  const measured = among.filter((row) => value(row) !== undefined)
  if (measured.length === 0) return []
  const row = measured.reduce((least, other) => (value(other)! < value(least)! ? other : least))
  const chance = row.id !== 'baseline' && row.mcnemarP >= SIGNIFICANT ? ", no more than chance from the baseline's" : ''
  const cost = `made in ${row.makeSeconds.toFixed(0)} s${row.parent === row.id ? '' : ` from ${row.parent}`}`
  return [{ aim, id: row.id, reason: `${reason(row)}, F1 ${row.f1.toFixed(3)}${chance}; ${cost}` }]
}
