// Several seeds of one study: what of a difference between rows is the method's, and what the draw's.

import { markdownTable } from 'markdown-table'
import { METRIC_NAMES } from '../evaluation/statistics.ts'
import type { StudyResults } from './results.ts'

export interface SeedSummary {
  id: string
  /** seeds that have this row */
  seeds: number
  /** of the deciding measure */
  meanScore: number
  /** sample standard deviation over the seeds; 0 for one seed */
  deviationScore: number
  lowestScore: number
  highestScore: number
  /** of what is lost against the baseline */
  meanLoss: number
  deviationLoss: number
  meanBytes: number
}

function meanAndDeviation(values: number[]): [mean: number, deviation: number] {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length
  if (values.length < 2) return [mean, 0]
  return [mean, Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1))]
}

/** One entry per row, in the order of the table, over the studies that have it. */
export function summarizeSeeds(studies: readonly StudyResults[]): SeedSummary[] {
  const ids = [...new Set(studies.flatMap(({ rows }) => rows.map(({ id }) => id)))]
  return ids.map((id) => {
    const rows = studies.flatMap((study) => study.rows.filter((row) => row.id === id))
    const scores = rows.map((row) => row[studies[0].settings.metric])
    const [meanScore, deviationScore] = meanAndDeviation(scores)
    const [meanLoss, deviationLoss] = meanAndDeviation(rows.map(({ loss }) => loss))
    return {
      id,
      seeds: rows.length,
      meanScore,
      deviationScore,
      lowestScore: Math.min(...scores),
      highestScore: Math.max(...scores),
      meanLoss,
      deviationLoss,
      meanBytes: meanAndDeviation(rows.map(({ bytes }) => bytes))[0],
    }
  })
}

/** The whole of seeds.md. */
export function seedsMarkdown(studies: readonly StudyResults[]): string {
  const points = (share: number): string => (100 * share).toFixed(2)
  const name = METRIC_NAMES[studies[0].settings.metric]
  const lines = [
    `# ${studies.length} seeds side by side`,
    '',
    `Seeds ${studies.map(({ seed }) => seed).join(', ')} of ${studies[0].data.name}; a seed decides the split, the starting weights, the order of the texts and the dropout (and of builtin:reviews the texts). Mean and sample standard deviation over the seeds; "lost" is points of ${name} against the baseline.`,
  ]
  const rows = summarizeSeeds(studies).map((row) => [
    `\`${row.id}\``,
    String(row.seeds),
    `${row.meanScore.toFixed(4)} ± ${row.deviationScore.toFixed(4)}`,
    `${row.lowestScore.toFixed(4)} to ${row.highestScore.toFixed(4)}`,
    `${points(row.meanLoss)} ± ${points(row.deviationLoss)}`,
    (row.meanBytes / 1e6).toFixed(3),
  ])
  const header = [
    'variant',
    'seeds',
    `${name}, mean ± sd`,
    `${name}, lowest to highest`,
    'lost, points, mean ± sd',
    'MB, mean',
  ]
  return `${lines.join('\n')}\n\n${markdownTable([header, ...rows], { align: [...'lrrrrr'], alignDelimiters: false })}\n`
}
