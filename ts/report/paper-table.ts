// The paper's own table, apart from ours: another model on other machines, so that only ratios can be set side by side.

import { PAPER_BASELINE, PAPER_ROWS } from './paper.ts'
import { shortNumber } from './numbers.ts'

export const PAPER_TITLE = "The paper's own figures"

export const PAPER_WORDS =
  'As the paper reports them, for its own model, data and machines: milliseconds and megabytes are not to be set beside those above. In brackets how many times less than its baseline, which may be compared with the brackets above. — is a cell that the paper leaves empty.'

const withRatio = (base: number | null, value: number | null, scale = 1): string => {
  if (value === null) return '—'
  const text = shortNumber(value * scale)
  return base === null || base === value ? text : `${text} (${shortNumber(base / value)}x)`
}

/** Titles, then a line for each row of the paper that is among `ids`; empty where none is. */
export function paperTable(ids: readonly string[]): string[][] {
  const lines = [...PAPER_ROWS]
    .filter(([id]) => ids.includes(id))
    .map(([id, { megabytes, f1, gpuSeconds, cpuSeconds }]) => [
      id,
      withRatio(PAPER_BASELINE.megabytes, megabytes),
      f1.toFixed(3),
      withRatio(PAPER_BASELINE.gpuSeconds, gpuSeconds, 1000),
      withRatio(PAPER_BASELINE.cpuSeconds, cpuSeconds, 1000),
    ])
  return lines.length > 0 ? [['variant', 'MB', 'F1', 'GPU, ms', 'CPU, ms'], ...lines] : []
}
