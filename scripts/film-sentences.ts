// The reviews of the Large Movie Review Dataset (Maas et al., 2011; ai.stanford.edu/~amaas/data/sentiment) as
// sentences, one a line, written as SST-2 writes its own (lower case, "do n't", "it 's", marks between spaces):
//
//   node scripts/film-sentences.ts aclImdb/train OUT.txt [COUNT] [TEXTS.tsv ...]
//
// COUNT (400,000 unless given) sentences of 4 to 40 words are drawn, always the same ones (the results of November 2026 are of an earlier draw). No review is read but
// those of the folder given, its labels are not read at all, and sentences that are in TEXTS.tsv are left out.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createRandom } from '../kernels/program/random.ts'
import { writeWhole } from '../ts/io/folder.node.ts'

const [folder, out, count = '400000', ...excluded] = process.argv.slice(2)
if (!folder || !out || !(Number(count) > 0))
  throw new Error('usage: node scripts/film-sentences.ts aclImdb/train OUT.txt [COUNT] [TEXTS.tsv ...]')

const asSst = (sentence: string) =>
  sentence
    .trim()
    .toLowerCase()
    .replace(/(?<=\w)n't\b/g, " n't")
    .replace(/(?<=\w)('(?:s|re|ve|ll|d|m))\b/g, ' $1')
    .replace(/"([^"]*)"/g, "`` $1 ''")
    .replace(/\.{2,}/g, ' ... ')
    .replace(/([!?;:,()]|\.$)/g, ' $1 ')
    .replace(/\s+/g, ' ')
    .trim()

const known = new Set<string>()
for (const path of excluded)
  for (const line of (await readFile(path, 'utf8')).split('\n')) known.add(line.slice(line.indexOf('\t') + 1).trim())

const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' })
const sentences = new Set<string>()
for (const part of ['neg', 'pos', 'unsup']) {
  const names = (await readdir(join(folder, part))).filter((name) => /^\d+_\d+\.txt$/.test(name)).sort()
  for (const name of names) {
    const review = (await readFile(join(folder, part, name), 'utf8')).replace(/<br\s*\/?>/g, ' ')
    // People leave out the space after a full stop, which hides the end of the sentence.
    for (const { segment } of segmenter.segment(review.replace(/(?<=[a-z])([.!?])(?=[A-Z])/g, '$1 '))) {
      const sentence = asSst(segment)
      const words = sentence.split(' ').length
      if (words >= 4 && words <= 40 && !known.has(sentence)) sentences.add(sentence)
    }
  }
}

const kept = createRandom(1, 'film sentences')
  .shuffle([...sentences])
  .slice(0, Number(count))
await writeWhole(out, [`${kept.join('\n')}\n`])
console.log(`${kept.length} of ${sentences.size} sentences in ${out}`)
