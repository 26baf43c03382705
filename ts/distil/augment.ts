// Altered texts for a teacher to read to a student: labelled texts are few, and what a teacher knows shows only where it
// is asked. Words are replaced by neighbours in the teacher's table [TinyBERT], dropped, and spans kept alone [Tang et
// al. 2019]; joined texts are of this file. Nobody knows the label of such a text: the teacher alone says what it is.

import { foldSpace } from '../data/examples.ts'
import { denseTable } from '../compress/dense.ts'
import { multiply, transpose, view } from '../compress/linear-algebra.ts'
import { createRandom, type Random } from '../../kernels/program/random.ts'
import type { Classifier } from '../inference/classifier.ts'
import { encodeTexts } from '../inference/batches.ts'

/** Letters and digits, with a ' or - between two: what is replaced; signs around them stay. */
const WORD = /[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu

/** Shares of texts and of words; the words' two apply to what is left of a text. */
const JOIN = 0.15
const SPAN = 0.15
const REPLACE = 0.25
const DROP = 0.05
/** A span's least number of words. */
const LEAST_SPAN = 3
const NEIGHBOURS = 10
/** Rows whose cosines with all words are computed at once: 256 x 15 000 f64 are 31 MB. */
const ROWS_AT_ONCE = 256
/** Draws in a row that gave nothing new before an end is declared: tiny data has few altered texts. */
const MOST_REPEATS = 1000

/** For a word in lower case those nearest to it, nearest first. */
export type Neighbours = ReadonlyMap<string, readonly string[]>

/**
 * The nearest words by cosine of the teacher's rows, less the mean row of these words, which all of them share. Only
 * words that are in the texts at least twice and are one token to the teacher take part.
 */
export function nearestWords({ weights, tokenizer }: Classifier, texts: readonly string[], k = NEIGHBOURS): Neighbours {
  const counts = new Map<string, number>()
  for (const text of texts)
    for (const [word] of text.toLowerCase().matchAll(WORD)) counts.set(word, (counts.get(word) ?? 0) + 1)
  const often = [...counts].filter(([, count]) => count > 1).map(([word]) => word)
  // [CLS], the word, [SEP]; an unknown word has the row of all unknown words, so rows met twice are left out
  const ids = encodeTexts(tokenizer, often, 4).ids
  const rowOf = new Map<string, number>()
  const met = new Map<number, number>()
  ids.forEach((tokens, i) => {
    if (tokens.length !== 3) return
    rowOf.set(often[i], tokens[1])
    met.set(tokens[1], (met.get(tokens[1]) ?? 0) + 1)
  })
  const words = [...rowOf].filter(([, row]) => met.get(row) === 1)
  return nearestRows(
    words.map(([word]) => word),
    unitRows(
      denseTable(weights.embeddings.word),
      weights.config.hiddenSize,
      words.map(([, row]) => row),
    ),
    k,
  )
}

/** f64 [rows.length, C]: rows of a table less their mean, of length 1. */
function unitRows(table: Float32Array, C: number, rows: number[]): Float64Array {
  const taken = Float64Array.from({ length: rows.length * C }, (_, i) => table[rows[Math.floor(i / C)] * C + (i % C)])
  const mean = new Float64Array(C)
  taken.forEach((x, i) => (mean[i % C] += x / rows.length))
  for (let begin = 0; begin < taken.length; begin += C) {
    const row = taken.subarray(begin, begin + C)
    row.forEach((x, c) => (row[c] = x - mean[c]))
    // a row of zeros stays one: its cosines are 0
    const length = Math.hypot(...row) || 1
    row.forEach((x, c) => (row[c] = x / length))
  }
  return taken
}

function nearestRows(words: string[], unit: Float64Array, k: number): Neighbours {
  const C = unit.length / words.length
  const all = transpose(view(unit, words.length, C))
  const nearest = new Map<string, string[]>()
  for (let first = 0; first < words.length; first += ROWS_AT_ONCE) {
    const rows = Math.min(ROWS_AT_ONCE, words.length - first)
    const cosines = multiply(view(unit.subarray(first * C, (first + rows) * C), rows, C), all)
    for (let row = 0; row < rows; row++) {
      const of = cosines.subarray(row * words.length, (row + 1) * words.length)
      nearest.set(
        words[first + row],
        largest(of, Math.min(k, words.length - 1), first + row).map((i) => words[i]),
      )
    }
  }
  return nearest
}

/** Places of the k largest numbers but one, largest first; of equal ones the first. */
function largest(numbers: Float64Array, k: number, except: number): number[] {
  const kept: number[] = []
  for (let i = 0; i < numbers.length && k > 0; i++) {
    if (i === except || (kept.length === k && numbers[i] <= numbers[kept[k - 1]])) continue
    let at = Math.min(kept.length, k - 1)
    for (; at > 0 && numbers[i] > numbers[kept[at - 1]]; at--) kept[at] = kept[at - 1]
    kept[at] = i
  }
  return kept
}

export interface AugmentOptions {
  /** altered texts wanted, fewer where the texts have no more in them */
  count: number
  /** any whole number */
  seed: number
  /** texts that no altered one may equal; those of the data are among them anyway */
  except?: readonly string[]
}

/**
 * Altered texts, each another. Sources are drawn by their number of words: phrases teach less than sentences do, and
 * have fewer alterations.
 *
 * @throws where there are no words in the texts
 * @example
 * const more = augmentTexts(texts, nearestWords(teacher, texts), { count: 4 * texts.length, seed: 1 })
 */
export function augmentTexts(texts: readonly string[], neighbours: Neighbours, options: AugmentOptions): string[] {
  const split = texts.map((text) => text.split(/\s+/).filter((word) => word !== ''))
  // the place in all words is uniform: a text is drawn by its share of them
  const owner = Int32Array.from(split.flatMap((words, i) => words.map(() => i)))
  if (owner.length === 0) throw new Error('augment: there are no words in the texts')
  const random = createRandom(options.seed, 'augment')
  const source = (): string[] => split[owner[random.int(owner.length)]]
  const seen = new Set([...texts, ...(options.except ?? [])].map(foldSpace))
  const found: string[] = []
  for (let repeats = 0; found.length < options.count && repeats < MOST_REPEATS; repeats++) {
    const altered = alter(source, neighbours, random).join(' ')
    if (altered === '' || seen.has(altered)) continue
    seen.add(altered)
    found.push(altered)
    repeats = -1
  }
  return found
}

function alter(source: () => string[], neighbours: Neighbours, random: Random): string[] {
  let words = source()
  const draw = random.next()
  if (draw < JOIN) words = [...words, ',', ...source()]
  else if (draw < JOIN + SPAN && words.length > LEAST_SPAN) {
    const length = LEAST_SPAN + random.int(words.length - LEAST_SPAN)
    const first = random.int(words.length - length + 1)
    words = words.slice(first, first + length)
  }
  return words.flatMap((word) => {
    const at = random.next()
    if (at < DROP) return []
    return at < DROP + REPLACE ? [word.replace(WORD, (found) => replacement(found, neighbours, random))] : [word]
  })
}

function replacement(word: string, neighbours: Neighbours, random: Random): string {
  const near = neighbours.get(word.toLowerCase())
  return near?.length ? random.pick(near) : word
}
