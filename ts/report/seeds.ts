// Several seeds of one study: what of a difference between rows is the method's, and what the draw's.

import { markdownTable } from 'markdown-table'
import type { StudyResults } from './results.ts'

export interface SeedSummary {
  id: string
  /** seeds that have this row */
  seeds: number
  meanF1: number
  /** sample standard deviation over the seeds; 0 for one seed */
  deviationF1: number
  lowestF1: number
  highestF1: number
  /** of the share of the parent's F1 that is lost */
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
    const f1 = rows.map((row) => row.f1)
    const [meanF1, deviationF1] = meanAndDeviation(f1)
    const [meanLoss, deviationLoss] = meanAndDeviation(rows.map(({ loss }) => loss))
    return {
      id,
      seeds: rows.length,
      meanF1,
      deviationF1,
      lowestF1: Math.min(...f1),
      highestF1: Math.max(...f1),
      meanLoss,
      deviationLoss,
      meanBytes: meanAndDeviation(rows.map(({ bytes }) => bytes))[0],
    }
  })
}

/** The whole of seeds.md. */
export function seedsMarkdown(studies: readonly StudyResults[]): string {
  const percent = (share: number): string => (100 * share).toFixed(2)
  const lines = [
    `# ${studies.length} seeds side by side`,
    '',
    `Seeds ${studies.map(({ seed }) => seed).join(', ')} of ${studies[0].data.name}; a seed decides the split, the starting weights, the order of the texts and the dropout (and of builtin:reviews the texts). Mean and sample standard deviation over the seeds; "F1 lost" is the share of the F1 of the row it was made of.`,
  ]
  const rows = summarizeSeeds(studies).map((row) => [
    `\`${row.id}\``,
    String(row.seeds),
    `${row.meanF1.toFixed(4)} ± ${row.deviationF1.toFixed(4)}`,
    `${row.lowestF1.toFixed(4)} to ${row.highestF1.toFixed(4)}`,
    `${percent(row.meanLoss)} ± ${percent(row.deviationLoss)}`,
    (row.meanBytes / 1e6).toFixed(3),
  ])
  const header = ['variant', 'seeds', 'F1, mean ± sd', 'F1, lowest to highest', 'F1 lost, %, mean ± sd', 'MB, mean']
  return `${lines.join('\n')}\n\n${markdownTable([header, ...rows], { align: [...'lrrrrr'], alignDelimiters: false })}\n`
}
