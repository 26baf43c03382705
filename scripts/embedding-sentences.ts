// Sentences for a study of an embedder (docs/embedding-study.md), one a line, films and mail in equal parts:
//   npx node scripts/embedding-sentences.ts SST2 OUT
// SST2 is a folder with sst2.train.tsv, sst2.dev.tsv and sst2.test-labeled.tsv (label, tab, text); mail is builtin:mail.
// OUT/test.txt: 1000 of SST-2's dev and test sentences and 1000 of the mail's test part. OUT/train.txt: those of the training
// parts but for what is in a test part.

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createRandom } from '../kernels/program/random.ts'
import { loadDataset } from '../ts/data/dataset.ts'

const [films, out] = process.argv.slice(2)
if (!films || !out) throw new Error('expected a folder with SST-2 and a folder to write to')

const EACH = 1000
const SEED = 1

async function phrases(part: string): Promise<string[]> {
  const rows = (await readFile(join(films, `sst2.${part}.tsv`), 'utf8')).split('\n')
  return [
    ...new Set(
      rows
        .slice(1)
        .filter((row) => row !== '')
        .map((row) => row.split('\t')[1]),
    ),
  ]
}

/** Of 5 to 40 words, from a capital to a full stop, without addresses and lines drawn by hand. */
const isSentence = (text: string): boolean => {
  const words = text.split(' ').length
  return words >= 5 && words <= 40 && /^[A-Z"'].*[.!?]$/.test(text) && !/https?:|[>|=_*]{2}|@/.test(text)
}

const sentencesOf = (mails: readonly { text: string }[]): string[] => [
  ...new Set(
    mails
      .flatMap(({ text }) => text.split(/\n\s*\n|(?<=[.!?])\s+/))
      .map((text) => text.replace(/\s+/g, ' ').trim())
      .filter(isSentence),
  ),
]

const pick = (texts: readonly string[], stream: string): string[] => createRandom(SEED, stream).shuffle([...texts])

const filmTests = [...new Set([...(await phrases('test-labeled')), ...(await phrases('dev'))])]
const mail = await loadDataset('builtin:mail', { seed: SEED })
const mailTests = sentencesOf(mail.test)
const held = new Set([...filmTests, ...mailTests])
const test = [...pick(filmTests, 'films').slice(0, EACH), ...pick(mailTests, 'mail').slice(0, EACH)]
const train = [...(await phrases('train')), ...sentencesOf([...mail.train, ...(mail.validation ?? [])])]
await mkdir(out, { recursive: true })
await writeFile(join(out, 'test.txt'), `${test.join('\n')}\n`)
const kept = pick(
  [...new Set(train)].filter((text) => !held.has(text)),
  'training texts',
)
await writeFile(join(out, 'train.txt'), `${kept.join('\n')}\n`)
process.stdout.write(`${test.length} test and ${kept.length} training texts\n`)
