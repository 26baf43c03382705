// The texts that a budget is decided by: some to calibrate on, others to measure F1 with, none of the test part.

import { loadDataset } from '../data/dataset.ts'
import { checkPlain } from '../data/examples.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { encodeTexts } from '../inference/batches.ts'
import { matchLabels } from '../data/labels.ts'
import { median } from '../evaluation/statistics.ts'

export interface BudgetTexts {
  /** token ids */
  calibration: Int32Array[]
  development: Int32Array[]
  /** the model's class of each development text */
  labels: Int32Array
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

/**
 * Splits the training part of `source` (four fifths of a file by the seed, as `train` does): a tenth, at least 200 texts,
 * are held out as development texts, at most half; the rest calibrates.
 * @throws where the data cannot be read, or its labels are not the model's
 */
export async function openBudgetTexts(
  source: string,
  options: { text?: string; label?: string; seed: number },
  model: { tokenizer: Tokenizer; labels: string[]; maxPositions: number; source: string },
): Promise<BudgetTexts> {
  const { text, label, seed } = options
  const data = await loadDataset(source, { ...(text && { text }), ...(label && { label }), seed })
  checkPlain(data, 'a budget')
  const match = matchLabels(data.labels, model.labels, model.source)
  const notes = [...data.notes, match.note].filter(Boolean)
  const wanted = Math.min(
    MOST_DEVELOPMENT,
    Math.max(LEAST_DEVELOPMENT, Math.round(data.train.length * DEVELOPMENT_SHARE)),
  )
  const held = Math.min(wanted, Math.floor(data.train.length / 2))
  if (held < LEAST_DEVELOPMENT)
    notes.push(
      `${held} texts to measure F1 with are few: its interval is wide; ${2 * LEAST_DEVELOPMENT} rows or more are better`,
    )
  // loadDataset shuffles the training part
  const development = data.train.slice(0, held)
  const encode = (rows: typeof development): Int32Array[] =>
    encodeTexts(
      model.tokenizer,
      rows.map((row) => row.text),
      model.maxPositions,
    ).ids
  const calibration = encode(data.train.slice(held, held + CALIBRATION_TEXTS))
  const ids = encode(development)
  const middle = Math.round(median([...calibration, ...ids].map(({ length }) => length)))
  return {
    calibration,
    development: ids,
    labels: Int32Array.from(development, (row) => match.order[row.label]),
    tokens: Math.min(model.maxPositions, Math.max(LEAST_TOKENS, middle)),
    notes,
  }
}
