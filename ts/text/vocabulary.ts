// Learns a WordPiece vocabulary from text: single characters first, then the pair of neighbouring pieces that occurs
// most often becomes a piece, again and again (byte-pair order, as Hugging Face's WordPiece trainer does it).

import { makeWordSplitter, SEPARATORS } from './bert-normalizer.ts'
import { SPECIAL_TOKENS } from './tokenizer.ts'

// Longer words are [UNK] to the tokenizer whatever the vocabulary holds.
const MAX_CHARACTERS_PER_WORD = 100
// A pair of piece ids as one number: ids stay below 2^26.
const PAIR_BASE = 2 ** 26

/**
 * Learns a vocabulary: [PAD] [UNK] [CLS] [SEP] [MASK], the characters seen (rare ones left out beyond half of `size`),
 * then pieces by falling frequency. The same texts in the same order give the same vocabulary.
 * @param size most tokens wanted; fewer come back where the texts hold fewer pieces
 * @param options minFrequency: how often a piece must occur, 2 where not given
 * @throws where `size` is too small for the special tokens and one character, or no text has a word
 */
export function learnVocabulary(
  texts: Iterable<string>,
  size: number,
  options: { lowercase: boolean; minFrequency?: number },
): string[] {
  const { lowercase, minFrequency = 2 } = options
  if (!Number.isInteger(size) || size <= SPECIAL_TOKENS.length)
    throw new Error(`learnVocabulary: size = ${size}, expected a whole number above ${SPECIAL_TOKENS.length}`)
  const counts = countWords(texts, lowercase)
  if (counts.size === 0) throw new Error('learnVocabulary: the texts hold no word; expected at least one')

  const pieces = [
    ...SPECIAL_TOKENS,
    ...mostFrequentCharacters(counts, Math.max(1, (size - SPECIAL_TOKENS.length) >> 1)),
  ]
  const ids = new Map(pieces.map((piece, id) => [piece, id]))
  const words: number[][] = []
  const frequencies: number[] = []
  for (const [word, count] of counts) {
    const split = splitCharacters(word).map((piece) => ids.get(piece))
    if (split.includes(undefined)) continue // a word with a character left out is [UNK]
    words.push(split as number[])
    frequencies.push(count)
  }
  mergePairs(words, frequencies, pieces, ids, size, minFrequency)
  return pieces
}

function countWords(texts: Iterable<string>, lowercase: boolean): Map<string, number> {
  const split = makeWordSplitter(lowercase)
  // Normalizing is the slow part, so it sees each different run of non-space only once.
  const runs = new Map<string, number>()
  for (const text of texts)
    for (const run of text.split(SEPARATORS)) if (run !== '') runs.set(run, (runs.get(run) ?? 0) + 1)
  const special = new Set<string>(SPECIAL_TOKENS)
  const counts = new Map<string, number>()
  for (const [run, count] of runs) {
    if (special.has(run)) continue
    for (const word of split(run))
      if (word.length <= 2 * MAX_CHARACTERS_PER_WORD && [...word].length <= MAX_CHARACTERS_PER_WORD)
        counts.set(word, (counts.get(word) ?? 0) + count)
  }
  return counts
}

/** 'good' -> g ##o ##o ##d */
function splitCharacters(word: string): string[] {
  return [...word].map((character, i) => (i === 0 ? character : '##' + character))
}

function mostFrequentCharacters(counts: Map<string, number>, limit: number): string[] {
  const characters = new Map<string, number>()
  for (const [word, count] of counts)
    for (const piece of splitCharacters(word)) characters.set(piece, (characters.get(piece) ?? 0) + count)
  return [...characters]
    .sort(([a, countA], [b, countB]) => countB - countA || compareText(a, b))
    .slice(0, limit)
    .map(([piece]) => piece)
    .sort(compareText)
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Appends merged pieces to `pieces` and `ids` until there are `size`; rewrites `words` on the way. */
function mergePairs(
  words: number[][],
  frequencies: number[],
  pieces: string[],
  ids: Map<string, number>,
  size: number,
  minFrequency: number,
): void {
  const counts = new Map<number, number>()
  // Words that held the pair at some time; an entry may have gone stale.
  const places = new Map<number, Set<number>>()
  const add = (pair: number, word: number): void => {
    counts.set(pair, (counts.get(pair) ?? 0) + frequencies[word])
    const set = places.get(pair)
    if (set) set.add(word)
    else places.set(pair, new Set([word]))
  }
  words.forEach((word, w) => {
    for (let i = 1; i < word.length; i++) add(word[i - 1] * PAIR_BASE + word[i], w)
  })
  const queue = new PairQueue()
  for (const [pair, count] of counts) queue.push(count, pair)

  while (pieces.length < size) {
    const top = queue.pop()
    if (!top || top.count < minFrequency) break
    const current = counts.get(top.pair) ?? 0
    // The queue is not updated when a count falls; what surfaces with an old count goes back in with the new one.
    if (current !== top.count) {
      if (current > 0 && current < top.count) queue.push(current, top.pair)
      continue
    }
    const left = Math.floor(top.pair / PAIR_BASE)
    const right = top.pair % PAIR_BASE
    const piece = pieces[left] + pieces[right].slice(2)
    let merged = ids.get(piece)
    if (merged === undefined) {
      merged = pieces.length
      pieces.push(piece)
      ids.set(piece, merged)
    }
    const grown = new Set<number>()
    for (const w of places.get(top.pair) ?? []) {
      const word = words[w]
      const after: number[] = []
      for (let i = 0; i < word.length; i++)
        if (i + 1 < word.length && word[i] === left && word[i + 1] === right) {
          after.push(merged)
          i++
        } else after.push(word[i])
      if (after.length === word.length) continue
      for (let i = 1; i < word.length; i++) {
        const pair = word[i - 1] * PAIR_BASE + word[i]
        counts.set(pair, (counts.get(pair) ?? 0) - frequencies[w])
      }
      for (let i = 1; i < after.length; i++) {
        const pair = after[i - 1] * PAIR_BASE + after[i]
        add(pair, w)
        if (after[i - 1] === merged || after[i] === merged) grown.add(pair)
      }
      words[w] = after
    }
    counts.delete(top.pair)
    places.delete(top.pair)
    for (const pair of grown) queue.push(counts.get(pair) ?? 0, pair)
  }
}

/** A binary heap: highest count first, smaller pair first among equals, so that the order is total. */
class PairQueue {
  private readonly heap: { count: number; pair: number }[] = []

  push(count: number, pair: number): void {
    const { heap } = this
    const entry = { count, pair }
    let i = heap.push(entry) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!isBefore(entry, heap[parent])) break
      heap[i] = heap[parent]
      i = parent
    }
    heap[i] = entry
  }

  pop(): { count: number; pair: number } | undefined {
    const { heap } = this
    const top = heap[0]
    const last = heap.pop()
    if (heap.length === 0 || last === undefined) return top
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++
      if (!isBefore(heap[child], last)) break
      heap[i] = heap[child]
      i = child
    }
    heap[i] = last
    return top
  }
}

function isBefore(a: { count: number; pair: number }, b: { count: number; pair: number }): boolean {
  return a.count > b.count || (a.count === b.count && a.pair < b.pair)
}
