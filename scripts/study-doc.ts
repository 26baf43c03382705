// The table of the whole study in docs/study.md and its five rows in README, from the run that RESULT names. With --check it
// writes nothing and fails where a page differs.

import { readFileSync } from 'node:fs'
import { markdownTable } from 'markdown-table'
import { METRIC_NAMES } from '../ts/evaluation/statistics.ts'
import type { StudyResults } from '../ts/report/results.ts'
import { resultTable, scoreTitle, tableCells } from '../ts/report/table.ts'
import { writeMarkedPart } from './marked-part.ts'

const RESULT = 'bench/results/studies/2026-11-30-zen5-2core-builtin-mail-eight-passes.json'
/** README's rows, after the best floor. */
const SHOWN = ['baseline', 'q8+e8', 'pruned+q8+e8', 'sp80x4+q8+e8', 'student+tucker+e8']

function shortTable(results: StudyResults): string {
  const { metric } = results.settings
  const best = results.floors.reduce((a, b) => (b[metric] > a[metric] ? b : a))
  const rows = results.rows
    .filter(({ id }) => SHOWN.includes(id))
    .map((row) => tableCells(row, results))
    .map(({ id, ours }) => [`\`${id}\``, ours.size, ours.score, ours.loss, ours.cpu])
  const floor = [`${best.id.replace('-', ' ')} (floor)`, '', best[metric].toFixed(3), '', '']
  return markdownTable([['', 'MB', scoreTitle(results), 'lost, points', 'CPU, ms'], floor, ...rows], {
    align: [...'lrrrr'],
    alignDelimiters: false,
  })
}

const results = JSON.parse(readFileSync(RESULT, 'utf8')) as StudyResults
if (!results.finished) throw new Error(`${RESULT} is not finished; run the same study again to its end`)
if (!(results.settings.metric in METRIC_NAMES)) throw new Error(`${RESULT} has no metric of this version`)
await writeMarkedPart('docs/study.md', 'study', resultTable(results), RESULT)
await writeMarkedPart('README.md', 'study', shortTable(results), RESULT)
