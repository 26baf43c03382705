// report.html: one file with everything in it, readable on a phone and in the dark.

import { escapeMarkup as e, scatterPlot, type PlotPoint } from './plot.ts'
import type { Speed } from '../evaluation/speed.ts'
import type { StudyResults, StudyRow } from './results.ts'
import { METRIC_NAMES } from '../evaluation/statistics.ts'
import { FLOOR_NAMES } from '../evaluation/floors.ts'
import { explanation, hasGpu, hasSoftwareGpu, headline, scoreTitle, setting } from './table.ts'
import { SHAPES_WORDS, shapesTable, shortNumber, SOFTWARE_GPU, tableCells } from './table.ts'

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #5b6570; --paper: #fff; --line: #d9dee3; --best: #0b6e4f; --other: #7a8591; --base: #b3541e; --wash: #f4f6f8 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa5b1; --paper: #14181c; --line: #323a42; --best: #4cc79a; --other: #8d99a6; --base: #f0955a; --wash: #1c2228 } }
body { margin: 0 auto; max-width: 1480px; padding: 16px; font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper) }
h1 { font-size: 1.5rem; margin: 0 0 .3em } h2 { font-size: 1.15rem; margin: 1.6em 0 .4em }
p { max-width: 75ch } .soft, small { color: var(--soft) } .warn { border-left: 4px solid var(--base); padding: 4px 12px; background: var(--wash) }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap }
th, td { padding: 4px 8px; text-align: right; border-bottom: 1px solid var(--line) } th { font-weight: 600; vertical-align: bottom; white-space: normal; max-width: 9em }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: var(--paper) }
td .theirs { display: block; color: var(--soft); font-size: .85em } tr.rule td { border-top: 2px solid var(--soft) }
code { font-family: ui-monospace, monospace; font-size: .93em } ul { padding-left: 1.2em } li { overflow-wrap: anywhere }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 520px), 1fr)); gap: 16px }
svg { width: 100%; height: auto; font: 11px system-ui, sans-serif }
svg text { fill: var(--ink) } svg .title { font-size: 14px; font-weight: 600 } svg .tick, svg .axis { fill: var(--soft) }
svg .grid { stroke: var(--line) } svg .front { fill: none; stroke: var(--best); stroke-width: 1.5; stroke-dasharray: 5 4 }
svg .whisker { stroke-width: 1; opacity: .45 } svg .leader { stroke: var(--line) }
svg .best circle { fill: var(--best) } svg .best .whisker { stroke: var(--best) } svg .other circle { fill: var(--other) }
svg .other .whisker { stroke: var(--other) } svg .base circle { fill: var(--base) } svg .base .whisker { stroke: var(--base) }
`

const cell = (text: string, paper = ''): string =>
  `<td>${e(text)}${paper && `<span class="theirs">paper ${e(paper)}</span>`}</td>`

/** The plots of size and of time on each real device; those without a figure are left out. */
function plotsOf({ rows, settings: { metric } }: StudyResults): string[] {
  const name = METRIC_NAMES[metric]
  const plot = (title: string, xLabel: string, pick: (row: StudyRow) => number | undefined): string => {
    const points = rows.flatMap((row): PlotPoint[] => {
      const x = pick(row)
      return x ? [{ id: row.id, x, y: row[metric], yLow: row.low, yHigh: row.high }] : []
    })
    return scatterPlot(points, { title, xLabel, yLabel: name })
  }
  return [
    plot(`Size and ${name}`, 'MB (log)', (row) => row.bytes / 1e6),
    plot(`Time on the CPU and ${name}`, 'ms a text, CPU (log)', (row) => row.cpu?.medianMs),
    plot(`Time on the GPU and ${name}`, 'ms a text, GPU (log)', ({ gpu }) =>
      gpu?.software ? undefined : gpu?.medianMs,
    ),
  ].filter((svg) => svg !== '')
}

/** The body of the table; a rule above the first row that the paper does not have, and above the floors. */
function bodyOf(results: StudyResults): string {
  const { rows, floors, settings } = results
  const gpu = hasGpu(results)
  const cells = rows.map((row) => tableCells(row, results))
  const firstOfOurs = cells.findIndex(({ paper }) => paper === null)
  const lines = cells.map(({ id, ours, paper }, index) => {
    const of = [
      cell(ours.size, paper?.size),
      cell(ours.kept),
      cell(ours.score),
      cell(ours.loss),
      cell(ours.f1, paper?.f1),
      cell(ours.mcc),
      cell(ours.accuracy),
      cell(ours.validation),
      ...(gpu ? [cell(ours.gpu, paper?.gpu)] : []),
      cell(ours.cpu, paper?.cpu),
      cell(ours.agreement),
      cell(ours.make),
    ]
    return `<tr${index === firstOfOurs ? ' class="rule"' : ''}><td><code>${e(id)}</code></td>${of.join('')}</tr>`
  })
  const ofFloors = floors.map((floor, index) => {
    const [score, f1, mcc, accuracy] = [floor[settings.metric], floor.f1, floor.mcc, floor.accuracy].map((x) =>
      x.toFixed(3),
    )
    const of = ['', '', score, '', f1, mcc, accuracy, ...Array<string>(gpu ? 5 : 4).fill('')]
    return `<tr${index === 0 ? ' class="rule"' : ''}><td>floor: ${e(FLOOR_NAMES[floor.id])}</td>${of.map((x) => cell(x)).join('')}</tr>`
  })
  return [...lines, ...ofFloors].join('\n')
}

/** Titles of the table's columns. */
function titlesOf(results: StudyResults): string {
  const titles = [
    ...['variant', 'MB', 'density', scoreTitle(results), 'lost, points', 'F1', 'MCC', 'accuracy', 'validation'],
    ...(hasGpu(results) ? ['GPU, s'] : []),
    ...['CPU, s', 'agreement', 'made in, s'],
  ]
  return titles.map((title) => `<th>${e(title)}</th>`).join('')
}

/** How many times as fast as the baseline, with its interval. */
function speedWords(speed: Speed | null): string {
  if (!speed) return ''
  const { ratio, low, high, isTie } = speed
  return `${isTie ? '= ' : ''}${shortNumber(ratio)} [${shortNumber(low)}, ${high === null ? 'no bound' : shortNumber(high)}]`
}

/** A row's times on one device; '' where it was not measured. */
function timingOf(row: StudyRow, kind: 'cpu' | 'gpu'): string {
  const t = row[kind]
  if (!t) return ''
  const ms = shortNumber
  return (
    `<tr><td><code>${e(row.id)}</code></td>` +
    cell(kind === 'cpu' ? 'CPU' : row.gpu!.software ? SOFTWARE_GPU : 'GPU') +
    cell(`${ms(t.medianMs)} [${ms(t.lowMs)}, ${ms(t.highMs)}]`) +
    cell(speedWords(t.speed)) +
    cell(ms(t.madMs)) +
    cell(ms(t.p95Ms)) +
    cell(ms(t.coldMs)) +
    cell(String(t.n)) +
    cell(t.textsPerSecond ? t.textsPerSecond.toFixed(0) : '') +
    cell(kind === 'gpu' ? `${row.gpu!.maxDifference.toExponential(1)}, ${row.gpu!.agreement.toFixed(3)}` : '') +
    '</tr>'
  )
}

const TIMES_HEAD =
  '<thead><tr><th>variant</th><th>device</th><th>median ms [95 %]</th><th>times as fast</th><th>MAD</th><th>p95</th><th>cold ms</th><th>n</th><th>texts/s</th><th>difference from CPU, agreement</th></tr></thead>'

/** Times of real devices; of a software GPU alone where asked for. */
function timesTable({ rows }: StudyResults, isSoftware: boolean): string {
  const lines = rows.map((row) =>
    isSoftware
      ? row.gpu?.software
        ? timingOf(row, 'gpu')
        : ''
      : timingOf(row, 'cpu') + (row.gpu?.software ? '' : timingOf(row, 'gpu')),
  )
  return `<div class="scroll"><table>${TIMES_HEAD}\n<tbody>${lines.join('\n')}</tbody></table></div>`
}

function shapesSection(results: StudyResults): string {
  const [titles, ...lines] = shapesTable(results)
  if (!titles) return ''
  const head = titles.map((title) => `<th>${e(title)}</th>`).join('')
  const body = lines.map(
    ([id, ...cells]) => `<tr><td><code>${e(id)}</code></td>${cells.map((of) => cell(of)).join('')}</tr>`,
  )
  return `<h2>Times by length and batch</h2><div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${body.join('\n')}</tbody></table></div><p><small>${e(SHAPES_WORDS)}</small></p>`
}

/** The whole of report.html. */
export function reportHtml(results: StudyResults): string {
  const { rows, recommendations, notes } = results
  const plots = plotsOf(results)
  const list = (items: string[]): string =>
    items.length ? `<ul>${items.map((item) => `<li>${item}</li>`).join('')}</ul>` : ''
  const noted = rows.filter((row) => row.note).map((row) => `<code>${e(row.id)}</code>: ${e(row.note)}`)
  const warning = headline(results)

  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Variants side by side</title><style>${STYLE}</style></head><body>
${warning ? `<p class="warn"><strong>${e(warning)}.</strong></p>` : ''}
<h1>Variants side by side</h1>
<p class="soft">${e(setting(results))}</p>
${results.finished ? '' : '<p class="warn">Not finished: the rows below are whole, others are missing. Run the same command again to go on.</p>'}
${recommendations.length ? `<h2>What to take</h2><p class="soft">Chosen on the validation texts; the measures are those of the test texts.</p>${list(recommendations.map((r) => `${e(r.aim)}: <code>${e(r.id)}</code> <span class="soft">(${e(r.reason)})</span>`))}` : ''}
<h2>The table</h2>
<div class="scroll"><table><thead><tr>${titlesOf(results)}</tr></thead>
<tbody>${bodyOf(results)}</tbody></table></div>
<p><small>${e(explanation(results))}</small></p>
<h2>Trade-offs</h2>
<div class="plots">${plots.map((plot) => `<div>${plot}</div>`).join('')}</div>
<p><small>Bars are 95 % bootstrap intervals; the dashed line joins the rows that no other row beats in both.</small></p>
<h2>Times</h2>
${timesTable(results, false)}
<p><small>Cold: a new device, weights packed and the first answer. Rows were timed in turns, round after round; = marks a tie with the baseline.</small></p>
${shapesSection(results)}
${hasSoftwareGpu(results) ? `<h2>${SOFTWARE_GPU}</h2><p class="warn">No real GPU was measured. ${e(results.engine.gpu ?? '')} shows that every row runs on WebGPU and says what the CPU says, not how fast a GPU is.</p>${timesTable(results, true)}` : ''}
${noted.length || notes.length ? `<h2>Notes</h2>${list([...noted, ...notes.map(e)])}` : ''}
</body></html>
`
}
