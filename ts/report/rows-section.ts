// What each row is: its recipe in words, where its bytes are, which class it puts the test texts of each class in.

import { rowWords } from './about.ts'
import { shortNumber } from './numbers.ts'
import { escapeMarkup as e } from './plot.ts'
import type { StudyResults, StudyRow } from './results.ts'

const table = (titles: string[], lines: string[]): string =>
  `<div class="scroll"><table><thead><tr>${titles.map((title) => `<th>${e(title)}</th>`).join('')}</tr></thead>\n<tbody>${lines.join('\n')}</tbody></table></div>`

const line = (id: string, cells: string[]): string =>
  `<tr><td><code>${e(id)}</code></td>${cells.map((cell) => `<td>${e(cell)}</td>`).join('')}</tr>`

/** Recipes and what their steps do. */
export function glossaryTable({ rows }: StudyResults): string {
  const lines = rows.map(
    (row) =>
      `<tr><td><code>${e(row.id)}</code></td><td><code>${e(row.recipe || '—')}</code></td><td>${e(row.id === 'baseline' ? '' : row.parent)}</td><td class="words">${e(rowWords(row))}</td></tr>`,
  )
  return `<div class="scroll"><table id="glossary"><thead><tr><th>variant</th><th>recipe</th><th>made of</th><th class="words">in words</th></tr></thead>\n<tbody>${lines.join('\n')}</tbody></table></div>`
}

/** Kilobytes by part of the model; '' where the study is of a version that did not keep them. */
export function ledgerTable({ rows }: StudyResults): string {
  const kept = rows.filter((row): row is StudyRow & Required<Pick<StudyRow, 'ledger'>> => row.ledger !== undefined)
  if (kept.length === 0) return ''
  const names = [...new Set(kept.flatMap(({ ledger }) => ledger.map(({ name }) => name)))]
  const lines = kept.map(({ id, ledger, bytes }) =>
    line(id, [
      ...names.map((name) => {
        const group = ledger.find((of) => of.name === name)
        return group ? `${shortNumber(group.bytes / 1e3)} ${name === 'header' ? '' : group.kind}`.trim() : ''
      }),
      shortNumber(bytes / 1e3),
    ]),
  )
  return `<h3>Where the bytes are</h3>${table(['variant, kB', ...names, 'file'], lines)}<p><small>kB = 1000 bytes of model.safetensors, with how they are stored. Scales: what quantization and sparsity add beside the values.</small></p>`
}

/** Texts by class and answer. */
export function confusionTable({ rows, data: { labels } }: StudyResults): string {
  const titles = labels.flatMap((of) => labels.map((as) => `${of} as ${as}`))
  const lines = rows.map(({ id, confusion }) => line(id, confusion.flat().map(String)))
  return `<h3>Confusion</h3>${table(['variant', ...titles], lines)}<p><small>Test texts of the first class that the row puts in the second.</small></p>`
}
