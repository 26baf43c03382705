import type { StudyResults } from '../report/results.ts'
import { tableCells } from '../report/table.ts'
import { columns } from './columns.ts'

/** The table in columns for a terminal, then where the files are. */
export function summary(results: StudyResults, out: string): string {
  const baseline = results.rows.find((row) => row.id === 'baseline')
  const gpu = results.rows.some((row) => row.gpu?.software) ? 'software GPU, s' : 'GPU, s'
  const table = [['variant', 'MB', 'F1 [95 %]', 'F1 lost, %', gpu, 'CPU, s']]
  for (const row of results.rows) {
    const { id, ours } = tableCells(row, baseline)
    table.push([id, ours.size, ours.f1, ours.loss, ours.gpu, ours.cpu])
  }
  const lines = columns(table, [...table[0].keys()])
  for (const { aim, id, reason } of results.recommendations) lines.push(`${aim}: ${id} (${reason})`)
  lines.push('', `${out}/table.md  ${out}/report.html  ${out}/results.json  ${out}/models/`)
  return `${lines.join('\n')}\n`
}
