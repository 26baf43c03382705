// Built-in data: labelled English and Russian reviews of films, things and services, made from this project's grammar, so
// that a study runs with nothing downloaded. What a review says follows from its parts: words of praise and blame,
// negation, "but", concession, a final verdict, hearsay, intensity, irony. Counting words is not enough to tell.
//
// Half of the reviews are plain statements instead, one to three of them, some as short as two words.
//
// A template is a review's skeleton: its pattern and the frames of its clauses, or its statements, before words are chosen. Training and
// test part share words, frames and patterns but no template: what is tested is putting known parts together anew.

import type { Dataset } from '../examples.ts'
import { createRandom, type Random } from '../../../kernels/program/random.ts'
import { ENGLISH } from './english.ts'
import type { ClauseRole, Frame, Language, PatternKind, Polarity } from './language.ts'
import { RUSSIAN } from './russian.ts'

export interface Review {
  text: string
  /** 1 positive, 0 negative; of some 3 % of the reviews it is wrong on purpose */
  label: number
  isTest: boolean
  isNoise: boolean
  language: 'en' | 'ru'
  kind: PatternKind
  /** language, pattern and frames */
  template: string
  /** the neutral sentences around it */
  fillers: string[]
}

export const BUILTIN_REVIEWS = 'builtin:reviews'

const SYNTHETIC = 'builtin:reviews are synthetic: sentences of a grammar, whose scores say nothing about real texts'

const LANGUAGES: Language[] = [ENGLISH, RUSSIAN]
/** As many for every verb: with another count, the reviews that one trains on and the next scores would be others. */
export const REVIEW_COUNT = 20_000
const MIN_WORDS = 8
const MIN_SHORT_WORDS = 2
const MAX_WORDS = 40
const TEST_SHARE = 5
const NOISE_SHARE = 0.03
const TYPO_SHARE = 0.06
// Of 100 reviews; tuned so that word counts alone fall well short of what a small BERT reaches in two minutes.
const KIND_SHARES: [PatternKind, number][] = [
  ['short', 50],
  ['plain', 29],
  ['negation', 6],
  ['contrast', 6],
  ['concession', 2],
  ['overall', 2],
  ['claim', 2],
  ['intensity', 1],
  ['irony', 2],
]
// Negation is mostly alone: beside a plain clause that says the same, nobody needs to understand it.
const NEGATED_SHARE = 0.03

/**
 * The built-in data set: one of five reviews is in the test part, labels and languages are balanced.
 * @param options seed; count of all reviews, 20,000 where not given, at least 20
 * @throws where count is not a whole number from 20 to 200000
 * @example
 * builtinReviews({ seed: 1 }).train.length // 16000
 */
export function builtinReviews(options: { seed: number; count?: number }): Dataset {
  const reviews = generateReviews(options)
  const part = (isTest: boolean): Dataset['train'] =>
    reviews.filter((review) => review.isTest === isTest).map(({ text, label }) => ({ text, label }))
  return {
    name: `${BUILTIN_REVIEWS} (synthetic)`,
    labels: ['negative', 'positive'],
    train: part(false),
    test: part(true),
    notes: [SYNTHETIC],
  }
}

/** The same reviews with what is known of how each was made; for tests and for looking at errors by kind. */
export function generateReviews(options: { seed: number; count?: number }): Review[] {
  const { seed, count = REVIEW_COUNT } = options
  if (!Number.isInteger(count) || count < 20 || count > 200000)
    throw new Error(`builtin:reviews: count = ${count}, expected a whole number from 20 to 200000`)
  const random = createRandom(seed, 'reviews')
  const seen = new Set<string>()
  const reviews: Review[] = []
  while (reviews.length < count) {
    const i = reviews.length
    const language = LANGUAGES[i % 2]
    const polarity: Polarity = (i >> 1) % 2 === 0 ? 1 : -1
    const review = makeReview(random, language, polarity, (i >> 2) % TEST_SHARE === TEST_SHARE - 1)
    if (!review || seen.has(review.text)) continue
    seen.add(review.text)
    reviews.push(review)
  }
  return random.shuffle(reviews)
}

/** One review, or null where the draw turned out too long or belongs to the other part. */
function makeReview(random: Random, language: Language, polarity: Polarity, isTest: boolean): Review | null {
  const kind = pickKind(random, polarity)
  if (kind === 'short') return makeShort(random, language, polarity, isTest)
  const pattern = random.pick(language.patterns.filter((candidate) => candidate.kind === kind))
  const clauses = pattern.clauses.map((role) => pickClause(random, language, role, polarity))
  const template = [
    language.name,
    pattern.id,
    ...clauses.map(({ frame, negated }) => (negated ? '!' : '') + frame.id),
  ].join('.')
  if (isTestTemplate(template) !== isTest) return null

  const domain = random.pick(language.domains)
  const subject = random.pick(domain.subjects)
  const aspects = random.shuffle([...domain.aspects])
  const write = (frame: Frame, word: Polarity, i: number): string =>
    frame.text.replace(/\{([^}]+)\}/g, (_, slot: string) =>
      language.fill(slot, aspects[i], subject, word, (items) => random.pick(items)),
    )
  const core = pattern.text.replace(/\{(\d)\}/g, (_, digit: string) => {
    const i = Number(digit) - 1
    return write(clauses[i].frame, clauses[i].word, i)
  })

  const sentences = [core]
  const fillers: string[] = []
  const stock = random.shuffle([...(isTest ? language.fillers.test : language.fillers.train)])
  const wanted = random.int(2)
  for (const filler of stock) {
    const words = countWords(sentences.join(' '))
    if (words >= MIN_WORDS && fillers.length >= wanted) break
    const sentence = write(filler, 1, aspects.length - 1)
    if (random.next() < 0.2) sentences.unshift(sentence)
    else sentences.push(sentence)
    fillers.push(`${language.name}.${filler.id}`)
  }
  const text = finish(random, sentences)
  const words = countWords(text)
  if (words < MIN_WORDS || words > MAX_WORDS) return null

  const isNoise = random.next() < NOISE_SHARE
  const label = (polarity === 1) !== isNoise ? 1 : 0
  return { text, label, isTest, isNoise, language: language.name, kind, template, fillers }
}

/** Statements that all say the same. One alone is for training: both parts know all of them, the test part puts them together. */
function makeShort(random: Random, language: Language, polarity: Polarity, isTest: boolean): Review | null {
  const { words, frames } = language.statements
  const count = isTest ? 2 + random.int(2) : 1 + random.int(3)
  const chosen = random.shuffle(frames[polarity].map((_, i) => i)).slice(0, count)
  const template = [language.name, 'short', ...chosen].join('.')
  if (count > 1 && isTestTemplate(template) !== isTest) return null
  const sentences = chosen.map((i) =>
    frames[polarity][i].replace(/\{([^}]+)\}/g, (_, slot: string) => random.pick(wordsOf(words, slot))),
  )
  const text = finish(random, sentences)
  if (countWords(text) < MIN_SHORT_WORDS || countWords(text) > MAX_WORDS) return null
  const isNoise = random.next() < NOISE_SHARE
  const label = (polarity === 1) !== isNoise ? 1 : 0
  return { text, label, isTest, isNoise, language: language.name, kind: 'short', template, fillers: [] }
}

function wordsOf(words: Record<string, string[]>, slot: string): string[] {
  if (!Object.hasOwn(words, slot)) throw new Error(`reviews: no list of words {${slot}}`)
  return words[slot]
}

function pickKind(random: Random, polarity: Polarity): PatternKind {
  // Irony only blames; praise is plain instead.
  let left = random.next() * 100
  for (const [kind, share] of KIND_SHARES) {
    left -= share
    if (left < 0) return kind === 'irony' && polarity === 1 ? 'plain' : kind
  }
  return 'plain'
}

interface Clause {
  frame: Frame
  /** polarity of the word in the clause: the opposite of what a negated clause means */
  word: Polarity
  negated: boolean
}

function pickClause(random: Random, language: Language, role: ClauseRole, label: Polarity): Clause {
  const opposite = -label as Polarity
  const either: Polarity = random.next() < 0.5 ? 1 : -1
  const plain = (frames: Frame[], word: Polarity): Clause => ({ frame: random.pick(frames), word, negated: false })
  switch (role) {
    case 'verdict':
      return plain(
        language.verdicts.filter((verdict) => verdict.polarity === label),
        label,
      )
    case 'claim':
      return plain(language.claims, either)
    case 'strong':
      return plain(language.strongFrames, label)
    case 'weak':
      return plain(language.weakFrames, opposite)
    case 'irony':
      return plain(language.ironies, 1)
    case 'tail':
      return plain(language.tails, 1)
    case 'opener':
      return plain(language.openers, 1)
    case 'opposes':
      return judge(random, language, opposite, false)
    case 'free':
      return judge(random, language, either, false)
    case 'negated':
      return judge(random, language, label, true)
    case 'decides':
    case 'agrees':
      return judge(random, language, label, false)
  }
}

/** A clause that means `meaning`, by a word of that polarity or by the opposite word negated. */
function judge(random: Random, language: Language, meaning: Polarity, mustNegate: boolean): Clause {
  const negated = mustNegate || random.next() < NEGATED_SHARE
  const frame = random.pick(negated ? language.negatedFrames : language.frames)
  return { frame, word: frame.flips ? (-meaning as Polarity) : meaning, negated }
}

/** FNV-1a of the template's name: which part it belongs to does not depend on the seed. */
function isTestTemplate(template: string): boolean {
  let hash = 0x811c9dc5
  for (let i = 0; i < template.length; i++) hash = Math.imul(hash ^ template.charCodeAt(i), 0x01000193) >>> 0
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0
  return (hash >>> 8) % TEST_SHARE === 0
}

function countWords(text: string): number {
  return text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length
}

/** Spaces, capitals, final marks, and now and then a slip of the finger. */
function finish(random: Random, sentences: string[]): string {
  const mark = random.pick(['.', '.', '.', '.', '!', '!!', ''])
  let text = sentences.filter((sentence) => sentence.trim() !== '').join('. ')
  text = text
    .replace(/\s+/g, ' ')
    .replace(/ ([,.])/g, '$1')
    .replace(/(?:\.\s*)+\. ?/g, '. ')
    .replace(/^[. ]+|[. ]+$/g, '')
  const isCareless = random.next() < 0.15
  if (isCareless) text = text.toLowerCase()
  else text = text.replace(/(^|\. )(\p{Ll})/gu, (_, before: string, letter: string) => before + letter.toUpperCase())
  if (random.next() < TYPO_SHARE) text = addTypo(random, text)
  return text + mark
}

/** Swaps, drops or doubles a letter inside one word of five letters or more. */
function addTypo(random: Random, text: string): string {
  const words = text.split(' ')
  const long = words.map((word, i) => (/^\p{L}{5,}/u.test(word) ? i : -1)).filter((i) => i >= 0)
  if (long.length === 0) return text
  const i = random.pick(long)
  const word = words[i]
  const at = 1 + random.int(3)
  words[i] = random.pick([
    word.slice(0, at) + word[at + 1] + word[at] + word.slice(at + 2),
    word.slice(0, at) + word.slice(at + 1),
    word.slice(0, at) + word[at] + word.slice(at),
  ])
  return words.join(' ')
}
