// The texts that a budget is decided by: some to calibrate on, others to measure with.

import { loadDataset } from '../data/dataset.ts'
import { checkPlain, type LabelledText } from '../data/examples.ts'
import type { BertConfig } from '../model/config.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { evenly } from '../data/evenly.ts'
import { encodeForVectors, type VectorRule } from '../inference/whole-vectors.ts'
import { encodeTexts } from '../inference/batches.ts'
import { matchLabels } from '../data/labels.ts'
import { median } from '../evaluation/statistics.ts'

export interface BudgetTexts {
  /** token ids */
  calibration: Int32Array[]
  development: Int32Array[]
  /** the model's class of each development text; null of a model without a classifier */
  labels: Int32Array | null
  /** of a model without a classifier: how its texts become vectors */
  reading?: { rule: VectorRule; tokenizer: Tokenizer }
  /** tokens of the text in the middle, at least 16 where the model takes that many */
  tokens: number
  notes: string[]
}

/** More change the Gram matrices little. */
const CALIBRATION_TEXTS = 512
const DEVELOPMENT_SHARE = 0.1
const LEAST_DEVELOPMENT = 200
/** Enough for an interval of two points; the search measures up to eight models with them. */
const MOST_DEVELOPMENT = 2000
const LEAST_TOKENS = 16

export interface BudgetTextsOptions {
  text?: string
  label?: string
  /** of the split into training and test part */
  seed: number
  /** development texts that are new to the model, labels as its own; taken from the training part where not given */
  development?: readonly LabelledText[]
}

/**
 * The training part of `source` (four fifths of a file by the seed, as `train` does) calibrates. Development texts are those
 * given; else a tenth of that part, at least 200 texts, at most half, does not calibrate but measures: texts that the model
 * was trained on where it was trained on `source`.
 * @throws where the data cannot be read, or its labels are not the model's
 */
export async function openBudgetTexts(
  source: string,
  options: BudgetTextsOptions,
  model: { tokenizer: Tokenizer; labels: string[]; maxPositions: number; source: string },
): Promise<BudgetTexts> {
  const { text, label, seed, development: given = [] } = options
  const data = await loadDataset(source, { ...(text && { text }), ...(label && { label }), seed })
  checkPlain(data, 'a budget')
  const match = matchLabels(data.labels, model.labels, model.source)
  const notes = [...data.notes, match.note].filter(Boolean)
  const wanted = Math.min(
    MOST_DEVELOPMENT,
    Math.max(LEAST_DEVELOPMENT, Math.round(data.train.length * DEVELOPMENT_SHARE)),
  )
  const held = given.length > 0 ? 0 : Math.min(wanted, Math.floor(data.train.length / 2))
  // loadDataset shuffles the training part
  const development =
    given.length > 0
      ? evenly(given, MOST_DEVELOPMENT)
      : data.train.slice(0, held).map((row) => ({ ...row, label: match.order[row.label] }))
  if (development.length < LEAST_DEVELOPMENT)
    notes.push(
      `${development.length} texts to measure F1 with are few: its interval is wide; ${2 * LEAST_DEVELOPMENT} rows or more are better`,
    )
  const encode = (rows: readonly LabelledText[]): Int32Array[] =>
    encodeTexts(
      model.tokenizer,
      rows.map((row) => row.text),
      model.maxPositions,
    ).ids
  const calibration = encode(data.train.slice(held, held + CALIBRATION_TEXTS))
  const ids = encode(development)
  return {
    calibration,
    development: ids,
    labels: Int32Array.from(development, (row) => row.label),
    tokens: usualTokens([...calibration, ...ids], model.maxPositions),
    notes,
  }
}

/** Texts that an embedder's budget is decided by: at most 512 to calibrate on, at most 2000 whose vectors are compared. */
export function budgetTextsOfEmbedder(
  { calibration, development }: { calibration: readonly string[]; development: readonly string[] },
  reading: { rule: VectorRule; tokenizer: Tokenizer },
  config: BertConfig,
): BudgetTexts {
  const encode = (texts: readonly string[]): Int32Array[] =>
    encodeForVectors(reading.tokenizer, texts, config, reading.rule).ids
  const [ids, held] = [
    encode(evenly(calibration, CALIBRATION_TEXTS)),
    encode(evenly([...new Set(development)], MOST_DEVELOPMENT)),
  ]
  const notes =
    held.length < LEAST_DEVELOPMENT
      ? [`${held.length} texts to compare vectors on are few: ${LEAST_DEVELOPMENT} or more are better`]
      : []
  const tokens = usualTokens([...ids, ...held], config.maxPositions)
  return { calibration: ids, development: held, labels: null, reading, tokens, notes }
}

function usualTokens(ids: readonly Int32Array[], maxPositions: number): number {
  const middle = Math.round(median(ids.map(({ length }) => length)))
  return Math.min(maxPositions, Math.max(LEAST_TOKENS, middle))
}
