// The texts that builtin:encoder is distilled from, one a line, and others to score it on:
//
//   node scripts/encoder-texts.ts SST2.train.tsv SST2.dev.tsv SST2.test.tsv SMS.tsv TEXTS.txt HELD.txt
//
// To learn from: phrases of SST-2's training part of 6 words and more, the training part (4:1, seed 1) of the SMS Spam
// Collection, and passages of builtin:mail's training part. Held out: sentences of SST-2's development part, and passages of
// mail's validation part. No text of a test part is in either, and none of TEXTS is in HELD.
import { createRandom } from '../kernels/program/random.ts'
import { loadDataset } from '../ts/data/dataset.ts'
import { foldSpace } from '../ts/data/examples.ts'
import { writeWhole } from '../ts/io/folder.node.ts'

/** What is drawn of each source, always the same: what one core reads three times in some 80 minutes. */
const PHRASES = 14_000
const PASSAGES = 6_000
const MESSAGES = 2_000
const HELD_OF_EACH = 250
const LEAST_WORDS = 6
/** About 60 word pieces, half of what the encoder reads. */
const PASSAGE_WORDS = 40

const [train, dev, test, sms, out, outHeld] = process.argv.slice(2)
if (!outHeld)
  throw new Error(
    'usage: node scripts/encoder-texts.ts SST2.train.tsv SST2.dev.tsv SST2.test.tsv SMS.tsv TEXTS.txt HELD.txt',
  )

const textsOf = (rows: { text: string }[]): string[] => rows.map(({ text }) => foldSpace(text))
const draw = (texts: Iterable<string>, count: number, stream: string): string[] =>
  createRandom(1, stream)
    .shuffle([...new Set(texts)])
    .slice(0, count)

const passagesOf = (mails: string[]): string[] =>
  mails.flatMap((mail) => {
    const words = mail.split(' ')
    return Array.from({ length: Math.ceil(words.length / PASSAGE_WORDS) }, (_, i) =>
      words.slice(i * PASSAGE_WORDS, (i + 1) * PASSAGE_WORDS).join(' '),
    ).filter((passage) => passage.split(' ').length >= LEAST_WORDS)
  })

const films = await loadDataset(train, { test, seed: 1 })
const development = textsOf((await loadDataset(train, { test: dev, seed: 1 })).test)
const messages = textsOf((await loadDataset(sms, { seed: 1 })).train)
const mail = await loadDataset('builtin:mail', { seed: 1 })
const isLong = (text: string): boolean => text.split(' ').length >= LEAST_WORDS
const held = [
  ...draw(development, HELD_OF_EACH, 'held films'),
  ...draw(passagesOf(textsOf(mail.validation!)), HELD_OF_EACH, 'held mail'),
]
const known = new Set([...held, ...development, ...textsOf(films.test), ...passagesOf(textsOf(mail.test))])
const isNew = (text: string): boolean => !known.has(text)
const texts = [
  ...draw(textsOf(films.train).filter(isLong).filter(isNew), PHRASES, 'phrases'),
  ...draw(messages.filter(isNew), MESSAGES, 'messages'),
  ...draw(passagesOf(textsOf(mail.train)).filter(isNew), PASSAGES, 'passages'),
]
await writeWhole(out, [`${texts.join('\n')}\n`])
await writeWhole(outHeld, [`${held.join('\n')}\n`])
console.log(`${texts.length} texts in ${out}, ${held.length} in ${outHeld}`)
