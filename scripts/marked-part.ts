// The parts of documents that scripts make: what stands between <!-- NAME --> and <!-- /NAME -->.

import { readFileSync } from 'node:fs'
import { writeWhole } from '../ts/io/folder.node.ts'

/**
 * Writes the part of a page; with --check on the command line nothing.
 * @param source where the part comes from
 * @throws where the page has no such marks, and with --check where it is not what it should be
 */
export async function writeMarkedPart(page: string, name: string, part: string, source: string): Promise<void> {
  const [start, last] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const text = readFileSync(page, 'utf8')
  const [at, end] = [text.indexOf(start), text.indexOf(last)]
  if (at < 0 || end < at)
    throw new Error(`${page}: expected ${start} and, after it, ${last}; put both where the part goes`)
  const wanted = `${text.slice(0, at)}${[start, part, ''].join('\n\n')}${text.slice(end)}`
  if (wanted === text) return
  if (process.argv.includes('--check'))
    throw new Error(`${page} is not what ${source} says: run npm run docs and commit it`)
  await writeWhole(page, [wanted])
  console.log(`wrote ${page}`)
}
