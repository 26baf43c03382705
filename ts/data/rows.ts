// Labelled rows that are not split: what `evaluate` scores.

import { checkNames } from '../../kernels/program/check-options.ts'
import { loadBuiltin } from './builtin.ts'
import { readFiles } from './read-files.ts'
import { labelsOf, numberRows, type LabelledText } from './examples.ts'
import { checkBuiltin, parseFiles, READING, type RowReading } from './dataset-rows.ts'
import type { ProblemType } from '../model/config.ts'

export interface Rows {
  /** in the order of their numbers or letters; only those that occur. Empty of a regression */
  labels: string[]
  rows: LabelledText[]
  /** what labels are; single_label_classification where not given */
  problemType?: ProblemType
  /** what was detected or left out */
  notes: string[]
}

/**
 * The rows that a data set has to train on: of one that has a name its training and validation parts, else every row of the
 * file or files.
 * @throws as `loadRows`
 */
export async function loadTrainingRows(source: string, options: RowReading & { seed: number }): Promise<Rows> {
  const builtin = await loadBuiltin(source, { seed: options.seed })
  if (!builtin) return loadRows(source, options)
  const { labels, notes, train, validation = [] } = builtin
  return { labels, notes, rows: [...train, ...validation] }
}

/**
 * Every row of a file, or of files joined by commas; of a data set that has a name the test part.
 * @throws where a file is missing, empty, not UTF-8 or has a row without text or label
 */
export async function loadRows(source: string, options: RowReading & { seed: number }): Promise<Rows> {
  checkNames('data', options, { ...READING, seed: true })
  const { seed, ...reading } = options
  if (source.startsWith('builtin:')) checkBuiltin(source, reading)
  const builtin = await loadBuiltin(source, { seed })
  if (builtin) return { labels: builtin.labels, notes: builtin.notes, rows: builtin.test }
  const notes: string[] = []
  const read = parseFiles(await readFiles(source), reading, notes)
  const labels = labelsOf(read)
  return { labels, notes, problemType: read.problemType, rows: numberRows(read.rows, labels) }
}
