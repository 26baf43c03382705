// What rows are against the baseline: one paired test of the deciding measure for each, at a level that all of them share.

import { pairedLoss } from '../evaluation/paired.ts'
import { agreement, type Metric } from '../evaluation/statistics.ts'
import { MARGIN, type StudyRow } from '../report/results.ts'
import { slowerNotes } from '../report/slower.ts'
import type { Measurements } from './measure.ts'
import type { ScoredRow } from './score.ts'

/** What the other rows say of one. */
export type Judgement = Pick<StudyRow, 'loss' | 'lossLow' | 'lossHigh' | 'change' | 'isNoWorse' | 'agreement'>

export interface JudgeOptions {
  /** class of each test text */
  expected: number[]
  classes: number
  metric: Metric
  positive: number | null
  seed: number
  /** rows that are compared with the baseline in all, those that are yet to come too */
  family: number
}

const BASELINE: Judgement = { loss: 0, lossLow: 0, lossHigh: 0, change: 'open', isNoWorse: true, agreement: 1 }

/** Judges rows against the baseline; each is judged once. */
export class Judge {
  private readonly known = new Map<string, Judgement>()

  of(row: ScoredRow, baseline: ScoredRow, options: JudgeOptions): Judgement {
    if (row.id === baseline.id) return BASELINE
    let found = this.known.get(row.id)
    if (!found) {
      const { expected, classes, ...asked } = options
      const { loss, low, high, change } = pairedLoss(expected, baseline.predictions, row.predictions, classes, asked)
      found = {
        ...{ loss, lossLow: low, lossHigh: high, change },
        isNoWorse: high < MARGIN,
        agreement: agreement(baseline.predictions, row.predictions),
      }
      this.known.set(row.id, found)
    }
    return found
  }
}

/** Rows as results.json has them: judged against the first, with their times where there are any. */
export function judgedRows(
  scoredRows: readonly ScoredRow[],
  judge: Judge,
  options: JudgeOptions,
  measurements: Measurements | null,
): StudyRow[] {
  const rows = scoredRows.map((scored): StudyRow => {
    const { predictions: _, notes, ...row } = scored
    return {
      ...row,
      ...judge.of(scored, scoredRows[0], options),
      cpu: measurements?.cpu?.[row.id] ?? null,
      gpu: measurements?.gpu?.[row.id] ?? null,
      note: notes.join('; '),
    }
  })
  for (const [id, words] of slowerNotes(rows)) {
    const row = rows.find((r) => r.id === id)!
    row.note = [row.note, words].filter((part) => part !== '').join('; ')
  }
  return rows
}
