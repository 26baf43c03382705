// Test texts that a row puts in another class than the baseline does.

import { escapeMarkup as e } from './plot.ts'
import type { Flip, StudyResults } from './results.ts'

/** Letters of a text that are kept. */
const KEPT = 300
/** Texts of one row that the report shows; results.json has all. */
const SHOWN = 12

interface FlipInput {
  /** the baseline first; class per test text */
  rows: { id: string; predictions: number[] }[]
  /** class of each test text */
  expected: number[]
  /** null: results must not carry them */
  texts: string[] | null
}

/** Every flip, row by row, in the order of the test texts. */
export function flipsOf({ rows, expected, texts }: FlipInput): Flip[] {
  const [baseline, ...others] = rows
  return others.flatMap(({ id, predictions }) =>
    predictions.flatMap((row, index): Flip[] => {
      if (row === baseline.predictions[index]) return []
      const flip = { id, index, expected: expected[index], baseline: baseline.predictions[index], row }
      return [texts === null ? flip : { ...flip, text: texts[index].slice(0, KEPT) }]
    }),
  )
}

/** What became of a row's flips: right before, right now, neither. */
function countsOf(flips: Flip[]): [lost: number, won: number, neither: number] {
  const lost = flips.filter(({ expected, baseline }) => expected === baseline).length
  const won = flips.filter(({ expected, row }) => expected === row).length
  return [lost, won, flips.length - lost - won]
}

/** The section of report.html; '' where the study is of a version that did not keep flips. */
export function flipsSection({ rows, flips, data: { labels, source, hash } }: StudyResults): string {
  if (!flips || rows.length < 2) return ''
  const hasTexts = flips.some(({ text }) => text !== undefined)
  const parts = rows.slice(1).map(({ id }) => {
    const own = flips.filter((flip) => flip.id === id)
    const [lost, won, neither] = countsOf(own)
    const lines = own.slice(0, SHOWN).map(({ index, expected, baseline, row, text }) => {
      const words = text === undefined ? '' : `<td class="words">${e(text)}</td>`
      return `<tr><td>${index}</td>${[expected, baseline, row].map((of) => `<td>${e(labels[of])}</td>`).join('')}${words}</tr>`
    })
    const head = `<tr><th>test text</th><th>is</th><th>baseline</th><th>row</th>${hasTexts ? '<th class="words">text</th>' : ''}</tr>`
    const more = own.length > SHOWN ? `<p><small>${SHOWN} of ${own.length}; all are in results.json.</small></p>` : ''
    const table = lines.length
      ? `<div class="scroll"><table><thead>${head}</thead>\n<tbody>${lines.join('\n')}</tbody></table></div>${more}`
      : ''
    return `<details data-id="${e(id)}"><summary><code>${e(id)}</code>: ${own.length} (${lost} right before, ${won} right now, ${neither} neither)</summary>${table}</details>`
  })
  const why =
    hasTexts || flips.length === 0
      ? ''
      : ` Texts of ${e(source)} are not copied into results, since they may be private: the option --show-texts does so.`
  return `<h2>Texts that flip against the baseline</h2>
<p><small>A test text is named by its place, from 0, in the test part of the data whose digest is ${e(hash)}.${why}</small></p>
${parts.join('\n')}`
}
