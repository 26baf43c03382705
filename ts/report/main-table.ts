// The table of report.html: a row for each variant with what the page sorts and chooses by, then the floors.

import { FLOOR_NAMES } from '../evaluation/floors.ts'
import { escapeMarkup as e } from './plot.ts'
import type { StudyResults, StudyRow } from './results.ts'
import { hasGpu, scoreTitle, tableCells } from './table.ts'

/** A cell; what is in brackets goes below its number, so that the table is no wider than a screen of 1280 pixels. */
function cell(text: string): string {
  const [, number, below, rest] = /^(.*?) ([[(][^\])]*[\])])(.*)$/.exec(text) ?? [null, text, '', '']
  return `<td>${e(number + rest)}${below && ` <small>${e(below)}</small>`}</td>`
}

/** A title that does not break before its unit. */
const titleCell = (title: string): string =>
  `<th>${e(title.replace('95 %', '95\u00a0%').replace(/, (\w+)$/, ',\u00a0$1'))}</th>`

/** What the page chooses by, as attributes; a time that was not measured on a real device has none. */
function attributesOf(row: StudyRow): string {
  const values: [name: string, value: string | number | undefined][] = [
    ['id', row.id],
    ['folder', row.folder],
    ['mb', row.bytes / 1e6],
    ['cpu', row.cpu?.medianMs],
    ['gpu', row.gpu && !row.gpu.software ? row.gpu.medianMs : undefined],
    ['loss', 100 * row.loss],
    ['loss-high', 100 * row.lossHigh],
    ['validation', row.validation],
  ]
  return values.flatMap(([name, value]) => (value === undefined ? [] : ` data-${name}="${e(String(value))}"`)).join('')
}

/** The table with its head. */
export function mainTable(results: StudyResults): string {
  const { rows, floors, settings } = results
  const gpu = hasGpu(results)
  const titles = [
    ...['variant', 'MB', 'CPU, ms'],
    ...(gpu ? ['GPU, ms'] : []),
    ...[
      scoreTitle(results),
      'lost, points',
      'validation',
      'F1',
      'MCC',
      'accuracy',
      'agreement',
      'density',
      'made in, s',
    ],
  ]
  const lines = rows.map((row) => {
    const { ours } = tableCells(row, results)
    const of = [
      ...[ours.size, ours.cpu],
      ...(gpu ? [ours.gpu] : []),
      ...[
        ours.score,
        ours.loss,
        ours.validation,
        ours.f1,
        ours.mcc,
        ours.accuracy,
        ours.agreement,
        ours.kept,
        ours.make,
      ],
    ]
    return `<tr${attributesOf(row)}><td><code>${e(row.id)}</code></td>${of.map(cell).join('')}</tr>`
  })
  const ofFloors = floors.map((floor, index) => {
    const [score, f1, mcc, accuracy] = [floor[settings.metric], floor.f1, floor.mcc, floor.accuracy].map((x) =>
      x.toFixed(3),
    )
    const of = ['', '', ...(gpu ? [''] : []), score, '', '', f1, mcc, accuracy, '', '', '']
    return `<tr class="floor${index === 0 ? ' rule' : ''}"><td>floor: ${e(FLOOR_NAMES[floor.id])}</td>${of.map(cell).join('')}</tr>`
  })
  const head = titles.map(titleCell).join('')
  return `<table id="rows" class="sortable"><thead><tr>${head}</tr></thead>\n<tbody>${[...lines, ...ofFloors].join('\n')}</tbody></table>`
}
