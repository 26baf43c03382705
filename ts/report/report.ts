// report.html: one file with everything in it, readable on a phone and in the dark.

import { escapeMarkup as e, scatterPlot, type PlotPoint } from './plot.ts'
import type { Speed } from '../evaluation/speed.ts'
import type { StudyResults, StudyRow } from './results.ts'
import { METRIC_NAMES } from '../evaluation/statistics.ts'
import { codeOf, commandOf, dataWords, studyWords } from './about.ts'
import { flipsSection } from './flips.ts'
import { mainTable } from './main-table.ts'
import { MACHINES_TITLE, MACHINES_WORDS, machinesTable } from './merge.ts'
import { shortNumber } from './numbers.ts'
import { PAGE_SCRIPT } from './page-script.ts'
import { PAPER_TITLE, PAPER_WORDS, paperTable } from './paper-table.ts'
import { confusionTable, glossaryTable, ledgerTable } from './rows-section.ts'
import { STYLE } from './style.ts'
import { explanation, hasGpu, hasSoftwareGpu, headline, setting } from './table.ts'
import { SHAPES_WORDS, shapesTable, SOFTWARE_GPU } from './table.ts'

const cell = (text: string): string => `<td>${e(text)}</td>`

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
  return `<div class="scroll"><table class="sortable">${TIMES_HEAD}\n<tbody>${lines.join('\n')}</tbody></table></div>`
}

/** Limits to choose by; without scripts it stays hidden. */
function limitsForm(results: StudyResults): string {
  const inputs: [name: string, title: string][] = [
    ['mb', 'MB at most'],
    ['cpu', 'CPU, ms at most'],
    ...(hasGpu(results) ? [['gpu', 'GPU, ms at most'] as [string, string]] : []),
    ['loss', 'lost, points at most'],
    ['lossHigh', 'lost, end of its interval'],
  ]
  const fields = inputs.map(
    ([name, title]) => `<label>${title}<input type="number" step="any" inputmode="decimal" name="${name}"></label>`,
  )
  return `<form id="limits" hidden aria-label="Choose by your own limits">${fields.join('')}<label>name holds<input name="name"></label><button type="reset">no limits</button><small>Limits look at the test texts: of many rows the luckiest looks better there than it is.</small></form>
<p id="said" class="soft" aria-live="polite"></p>`
}

/** A table in a section of its own; '' without lines. */
function section([titles, ...lines]: string[][], id: string, title: string, words: string): string {
  if (!titles) return ''
  const head = titles.map((title) => `<th>${e(title)}</th>`).join('')
  const body = lines.map(
    ([id, ...cells]) => `<tr><td><code>${e(id)}</code></td>${cells.map((of) => cell(of)).join('')}</tr>`,
  )
  return `<h2>${e(title)}</h2><p><small>${e(words)}</small></p><div class="scroll"><table id="${id}"><thead><tr>${head}</tr></thead><tbody>${body.join('\n')}</tbody></table></div>`
}

/** The command to repeat, and the lines that use the smallest recommended model or, without one, the baseline's. */
function usageSection(results: StudyResults): string {
  const { rows, recommendations } = results
  const row = rows.find(({ id }) => id === (recommendations[0]?.id ?? 'baseline'))
  if (!row) return ''
  return `<h2>Have it again, and use it</h2>
<pre><code id="command">${e(commandOf(results))}</code></pre>
<p class="soft">In the folder of ${results.machines ? 'the first study' : 'this report'}; limits above choose another row:</p>
<pre><code id="code" data-folder="${e(row.folder)}">${e(codeOf(row))}</code></pre>`
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
<p>${e(studyWords())} ${e(dataWords(results.data))}</p>
<p class="soft">${e(setting(results))}</p>
${results.finished ? '' : '<p class="warn">Not finished: the rows below are whole, others are missing. Run the same command again to go on.</p>'}
${recommendations.length ? `<h2>What to take</h2><p class="soft">Chosen on the validation texts; the measures are those of the test texts.</p>${list(recommendations.map((r) => `${e(r.aim)}: <code>${e(r.id)}</code> <span class="soft">(${e(r.reason)})</span>`))}` : ''}
<h2>The table</h2>
${limitsForm(results)}
<div class="scroll">${mainTable(results)}</div>
<p><small>${e(explanation(results))}</small></p>
${usageSection(results)}
<h2>What each row is</h2>
${glossaryTable(results)}
${ledgerTable(results)}
${confusionTable(results)}
${flipsSection(results)}
<h2>Trade-offs</h2>
<div class="plots">${plots.map((plot) => `<div>${plot}</div>`).join('')}</div>
<p><small>Bars are 95 % bootstrap intervals; the dashed line joins the rows that no other row beats in both.</small></p>
<h2>Times</h2>
${timesTable(results, false)}
<p><small>Cold: a new device, weights packed and the first answer. Rows were timed in turns, round after round; = marks a tie with the baseline.</small></p>
${section(shapesTable(results), 'shapes', 'Times by length and batch', SHAPES_WORDS)}
${hasSoftwareGpu(results) ? `<h2>${SOFTWARE_GPU}</h2><p class="warn">No real GPU was measured. ${e(results.engine.gpu ?? '')} shows that every row runs on WebGPU and says what the CPU says, not how fast a GPU is.</p>${timesTable(results, true)}` : ''}
${section(machinesTable(results), 'machines', MACHINES_TITLE, MACHINES_WORDS)}
${section(paperTable(rows.map(({ id }) => id)), 'paper', PAPER_TITLE, PAPER_WORDS)}
${noted.length || notes.length ? `<h2>Notes</h2>${list([...noted, ...notes.map(e)])}` : ''}
<script>${PAGE_SCRIPT}</script>
</body></html>
`
}
