// The tables of texts a second in README and docs/transformers-js.md, from the newest result of `bench texts` among
// bench/results/*.json. With --check it writes nothing and fails where a page differs.

import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import type { BenchResult } from '../bench/lib/results.ts'
import { textsSection } from '../bench/lib/texts-table.ts'
import { writeWhole } from '../ts/io/folder.node.ts'

const RESULTS = 'bench/results'
const PAGES = ['README.md', 'docs/transformers-js.md']
const [START, END] = ['<!-- texts -->', '<!-- /texts -->']

const read = (file: string): BenchResult => JSON.parse(readFileSync(`${RESULTS}/${file}`, 'utf8')) as BenchResult

/** null where there is none */
function newest(): { file: string; result: BenchResult } | null {
  const files = readdirSync(RESULTS).filter((file) => file.endsWith('.json'))
  const found = files.map((file) => ({ file, result: read(file) })).filter(({ result }) => result.bench === 'texts')
  return found.sort((a, b) => a.result.date.localeCompare(b.result.date)).at(-1) ?? null
}

const found = newest()
for (const page of PAGES) {
  const text = readFileSync(page, 'utf8')
  const [at, end] = [text.indexOf(START), text.indexOf(END)]
  if (at < 0 || end < at)
    throw new Error(`${page}: expected ${START} and, after it, ${END}; put both where the table goes`)
  const raw = found && posix.relative(posix.dirname(page), `${RESULTS}/${found.file}`)
  const table = found && raw ? `\n\n${textsSection(found.result, raw)}\n\n` : '\n'
  const wanted = text.slice(0, at) + START + table + text.slice(end)
  if (wanted === text) continue
  if (process.argv.includes('--check'))
    throw new Error(`${page} is not what ${RESULTS} says: run npm run docs and commit it`)
  await writeWhole(page, [wanted])
  console.log(`wrote ${page}`)
}
