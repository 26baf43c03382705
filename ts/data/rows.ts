// Labelled rows that are not split: what `evaluate` scores.

import { BUILTIN_REVIEWS, builtinReviews } from './reviews/reviews.ts'
import { readFiles } from './read-files.ts'
import type { LabelledText } from './examples.ts'
import { parseFiles, type LabelledRow } from './dataset-rows.ts'
import { sortedLabels } from './label-names.ts'

export interface Rows {
  /** in the order of their numbers or letters; only those that occur */
  labels: string[]
  rows: LabelledText[]
  /** the labels of each text, where the file has lists of them; a row's `label` is then the first, or -1 */
  sets?: number[][]
  /** what was detected or left out */
  notes: string[]
}

/**
 * Every row of a file, or of files joined by commas; of builtin:reviews the test part.
 * @throws where a file is missing, empty, not UTF-8 or has a row without text or label
 */
export async function loadRows(
  source: string,
  options: { text?: string; label?: string; seed: number },
): Promise<Rows> {
  const { text, label, seed } = options
  if (source === BUILTIN_REVIEWS) {
    const { labels, notes, test } = builtinReviews({ seed })
    return { labels, notes, rows: test }
  }
  const notes: string[] = []
  const parsed = parseFiles(await readFiles(source), { text, label }, notes, true)
  const setOf = (row: LabelledRow): string[] => row.set ?? [row.label]
  const labels = sortedLabels(parsed.flatMap(setOf))
  const rows = parsed.map((row) => ({ text: row.text, label: labels.indexOf(row.label) }))
  if (!parsed.some(({ set }) => set)) return { labels, notes, rows }
  return { labels, notes, rows, sets: parsed.map((row) => setOf(row).map((name) => labels.indexOf(name))) }
}
