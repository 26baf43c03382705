// Labelled rows that are not split: what `evaluate` scores, what the step `vocab` reads.

import { BUILTIN_REVIEWS, decodeUtf8, type Example } from '../io/dataset.ts'
import { parseRows } from '../io/dataset-rows.ts'
import { builtinReviews } from '../text/reviews.ts'

export interface Rows {
  /** in the order of their numbers or letters; only those that occur */
  labels: string[]
  rows: Example[]
  /** what was detected or left out */
  notes: string[]
}

/**
 * Every row of a file; of builtin:reviews, whose training and test texts share no template, the part asked for.
 * @throws where the file is missing, empty, not UTF-8 or has a row without text or label
 */
export async function loadRows(
  source: string,
  options: { text?: string; label?: string; seed: number; part: 'train' | 'test' },
): Promise<Rows> {
  const { text, label, seed, part } = options
  if (source === BUILTIN_REVIEWS) {
    const { labels, notes, [part]: rows } = builtinReviews({ seed })
    return { labels, notes, rows }
  }
  const { readFile } = await import('node:fs/promises')
  const notes: string[] = []
  const parsed = parseRows(decodeUtf8(await readFile(source), source), source, { text, label }, notes)
  const labels = [...new Set(parsed.map((row) => row.label))].sort(
    (a, b) => Number(a) - Number(b) || (a < b ? -1 : a > b ? 1 : 0),
  )
  return { labels, notes, rows: parsed.map((row) => ({ text: row.text, label: labels.indexOf(row.label) })) }
}
