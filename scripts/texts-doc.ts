// The tables of texts a second in README and docs/transformers-js.md, from the newest results of `bench texts` in Node and, in the
// latter, in Chromium among bench/results/*.json. With --check it writes nothing and fails where a page differs.

import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import type { BenchResult } from '../bench/lib/results.ts'
import { textsSection } from '../bench/lib/texts-table.ts'
import { writeMarkedPart } from './marked-part.ts'

const RESULTS = 'bench/results'
const PAGES = [
  { page: 'README.md', places: ['node'] },
  { page: 'docs/transformers-js.md', places: ['node', 'chromium'] },
]

const read = (file: string): BenchResult => JSON.parse(readFileSync(`${RESULTS}/${file}`, 'utf8')) as BenchResult

const results = readdirSync(RESULTS)
  .filter((file) => file.endsWith('.json'))
  .map((file) => ({ file, result: read(file) }))
  .filter(({ result }) => result.bench === 'texts')
  .sort((a, b) => a.result.date.localeCompare(b.result.date))

/** Of the newest result with rows of the place; none where there is none. */
function sectionsOf(place: string, page: string): string[] {
  const found = results.filter(({ result }) => result.rows.some(({ host = 'node' }) => host === place)).at(-1)
  return found ? [textsSection(found.result, posix.relative(posix.dirname(page), `${RESULTS}/${found.file}`))] : []
}

for (const { page, places } of PAGES)
  await writeMarkedPart(page, 'texts', places.flatMap((place) => sectionsOf(place, page)).join('\n\n'), RESULTS)
