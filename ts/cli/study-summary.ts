import type { StudyResults } from '../report/results.ts'
import { hasGpu, headline, scoreTitle, tableCells } from '../report/table.ts'
import { FLOOR_NAMES } from '../evaluation/floors.ts'
import { columns } from './columns.ts'

/** The table in columns for a terminal, then where the files are. */
export function summary(results: StudyResults, out: string): string {
  const gpu = hasGpu(results)
  const table = [['variant', 'MB', scoreTitle(results), 'lost, points', 'MCC', ...(gpu ? ['GPU, ms'] : []), 'CPU, ms']]
  for (const row of results.rows) {
    const { id, ours } = tableCells(row, results)
    table.push([id, ours.size, ours.score, ours.loss, ours.mcc, ...(gpu ? [ours.gpu] : []), ours.cpu])
  }
  for (const floor of results.floors) {
    const score = floor[results.settings.metric].toFixed(3)
    table.push([`floor: ${FLOOR_NAMES[floor.id]}`, '', score, '', floor.mcc.toFixed(3), ...(gpu ? [''] : []), ''])
  }
  const warning = headline(results)
  const lines = [...(warning ? [`${warning}.`] : []), ...columns(table, [...table[0].keys()])]
  for (const { aim, id, reason } of results.recommendations) lines.push(`${aim}: ${id} (${reason})`)
  lines.push('', `${out}/table.md  ${out}/report.html  ${out}/results.json  ${out}/models/`)
  return `${lines.join('\n')}\n`
}
