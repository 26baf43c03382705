// docs/strengths.md from bench/results/strengths/*.json: methods and strengths side by side, the front marked. With --check it
// writes nothing and fails where the page is stale.

import { markdownTable } from 'markdown-table'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { writeWhole } from '../ts/io/folder.node.ts'
import { parseRecipe } from '../ts/recipe/parse.ts'
import { definitionOf, STEPS } from '../ts/recipe/steps/index.ts'
import { paretoFront } from '../ts/report/plot.ts'
import type { StudyResults, StudyRow } from '../ts/report/results.ts'
import { shortNumber } from '../ts/report/numbers.ts'
import { setting } from '../ts/report/table.ts'

const RESULTS = 'bench/results/strengths'
const PAGE = 'docs/strengths.md'

interface Point {
  row: StudyRow
  isTuned: boolean
}

/** Rows by the first step of their recipe, in the order of the steps; the baseline first, students last. */
const methodOf = ({ recipe, parent }: StudyRow): number => {
  if (parent === 'student') return STEPS.length
  const [first] = parseRecipe(recipe)
  return first ? STEPS.indexOf(definitionOf(first)) : -1
}

/** Rows that no other row beats in both. */
function front(points: Point[], cost: (row: StudyRow) => number | undefined): Set<Point> {
  const known = points.flatMap((point) => {
    const x = cost(point.row)
    return x === undefined ? [] : [{ x, y: point.row.f1, point }]
  })
  return new Set(paretoFront(known).map(({ point }) => point))
}

/** The data by its name alone, wherever it lay. */
const named = (study: StudyResults): StudyResults => ({
  ...study,
  data: { ...study.data, name: basename(study.data.name) },
})

function commandOf({ settings, rows }: StudyResults): string {
  const { model, data, test, validation, isTuned, minutes } = settings
  const files = Object.entries({ data, test, validation }).flatMap(([flag, file]) =>
    file === null ? [] : [`--${flag} ${basename(file)}`],
  )
  const ids = rows.map(({ id }) => id).join(',')
  return `npm run study -- --model ${model} ${files.join(' ')}${isTuned ? '' : ' --no-tuning'} --minutes ${minutes} --variants ${ids} --out strengths${isTuned ? '' : '-untrained'}`
}

function page(results: StudyResults[]): string {
  const points: Point[] = []
  for (const { rows, settings } of results)
    for (const row of rows)
      if (
        !points.some(
          (point) => point.row.id === row.id && (point.isTuned === settings.isTuned || row.id === row.parent),
        )
      )
        points.push({ row, isTuned: settings.isTuned })
  points.sort((a, b) => methodOf(a.row) - methodOf(b.row) || b.row.bytes - a.row.bytes)
  const fronts = [
    front(points, (row) => row.bytes),
    front(points, (row) => row.cpu?.medianMs),
    front(points, (row) => row.gpu?.medianMs),
  ]
  const software = points.some(({ row }) => row.gpu?.software)
  const time = (ms: number | undefined, isBest: boolean): string =>
    ms === undefined ? '' : `${shortNumber(ms)}${isBest ? ' ●' : ''}`
  const lines = [
    '# Methods and strengths',
    '',
    'Made by `npm run docs` from the files in `bench/results/strengths`. ● marks the Pareto front of a column: no other row is at once better in it and in F1. "Trained again": zeros, factors and cut layers were trained with the baseline as teacher; the others are what the step alone gives. Zeros of these runs grew by norm; `study` has them grow by what the loss misses least since, which loses less (sst2.md). Rows of two runs differ in their clocks: compare times within one.',
    '',
    ...results.map(
      (study) =>
        `- ${study.settings.isTuned ? 'trained again' : 'as the steps leave it'}: ${setting(named(study))} \`${commandOf(study)}\``,
    ),
  ]
  const table = [
    [
      ...['method and strength', 'trained again', 'MB', 'density', 'F1 [95 %]', 'F1 lost, % [95 %]', 'CPU, ms'],
      // an emulated GPU says nothing of a GPU
      ...(software ? [] : ['GPU, ms']),
    ],
  ]
  for (const point of points) {
    const { row } = point
    const percent = (share: number): string => (100 * share).toFixed(1)
    table.push([
      `\`${row.id}\``,
      row.recipe === '' || /^(vocab|q8|e8)/.test(row.recipe) ? '' : point.isTuned ? 'yes' : 'no',
      `${shortNumber(row.bytes / 1e6)}${fronts[0].has(point) ? ' ●' : ''}`,
      row.kept.toFixed(2),
      `${row.f1.toFixed(3)} [${row.f1Low.toFixed(3)}, ${row.f1High.toFixed(3)}]`,
      row.id === 'baseline' ? '' : `${percent(row.loss)} [${percent(row.lossLow)}, ${percent(row.lossHigh)}]`,
      time(row.cpu?.medianMs, fronts[1].has(point)),
      ...(software ? [] : [time(row.gpu?.medianMs, fronts[2].has(point))]),
    ])
  }
  return `${lines.join('\n')}\n\n${markdownTable(table, { align: [...`llrrllr${software ? '' : 'r'}`], alignDelimiters: false })}\n`
}

const files = existsSync(RESULTS) ? readdirSync(RESULTS).filter((name) => name.endsWith('.json')) : []
if (files.length === 0) throw new Error(`${RESULTS} holds no results; run the studies first`)
const text = page(files.sort().map((name) => JSON.parse(readFileSync(`${RESULTS}/${name}`, 'utf8')) as StudyResults))
if (!process.argv.includes('--check')) await writeWhole(PAGE, [text])
else if (!existsSync(PAGE) || readFileSync(PAGE, 'utf8') !== text) throw new Error(`${PAGE} is stale; run npm run docs`)
