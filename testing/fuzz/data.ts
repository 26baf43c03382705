// Mutated data files of every format: rows, or a sentence.

import { createRandom } from '../../kernels/program/random.ts'
import { labelsOf } from '../../ts/data/examples.ts'
import { parseFiles } from '../../ts/data/dataset-rows.ts'
import { mutateBytes } from './mutate.ts'
import { Fault, runCases, type FuzzReport } from './report.ts'

const ROWS = [
  ['a good film', 'positive'],
  ['a "bad" film,\nand long', 'negative'],
  ['', 'positive'],
  ['ещё один', 'negative'],
]
const quoted = (cell: string): string => `"${cell.replaceAll('"', '""')}"`
const records = ROWS.map(([text, label]) => ({ text, label, more: { a: [1, null] } }))
const FILES: [ending: string, content: string][] = [
  ['csv', ['text,label', ...ROWS.map((row) => row.map(quoted).join(','))].join('\n')],
  ['csv', ['sep=;', 'text;label', ...ROWS.map((row) => row.map(quoted).join(';'))].join('\r\n')],
  ['tsv', ['label\ttext', ...ROWS.map(([text, label]) => `${label}\t${quoted(text)}`)].join('\n')],
  ['jsonl', records.map((record) => JSON.stringify(record)).join('\n')],
  ['json', JSON.stringify(records)],
]

export function fuzzData(cases: number, seed: number, progress?: (done: number) => void): Promise<FuzzReport> {
  return runCases(
    cases,
    seed,
    (index) => {
      const random = createRandom(seed, `data ${index}`)
      const [ending, whole] = FILES[random.int(FILES.length)]
      const content = new TextDecoder().decode(mutateBytes(new TextEncoder().encode(whole), random))
      const path = `data.${ending}`
      const read = parseFiles([{ path, ending, content }], {}, [])
      if (read.rows.some((row) => typeof row.text !== 'string')) throw new Fault('a row whose text is no text')
      labelsOf(read)
      return 'taken'
    },
    progress,
  )
}
