// What a language gives the review generator: sentence frames with slots, patterns that join clauses, and words.
// reviews.ts knows the rules of meaning; english.ts and russian.ts know their grammar alone.

export type Polarity = 1 | -1

/**
 * One clause with slots in braces. Every language has {A} the thing judged, {J} an adjective, {I} an intensifier or
 * nothing, {S} a strong one, {D} a weak one; the language's `fill` knows what other slots a text may hold.
 */
export interface Frame {
  id: string
  text: string
  /** the clause means the opposite of the word in it */
  flips?: boolean
}

/** A verdict has no slot for an adjective: its words carry the polarity by themselves. */
export interface Verdict extends Frame {
  polarity: Polarity
}

/**
 * How clauses make a review. {1} {2} {3} are clauses; `clauses` says for each what it may be:
 * - 'decides' carries the label, 'negated' carries it by negation, 'agrees' repeats it, 'opposes' carries its opposite
 * - 'free' carries either, 'claim' is what others said (either), 'opener' says nothing
 * - 'strong' and 'weak' are clauses of marked intensity; the strong one carries the label
 * - 'irony' is praise that means blame, 'tail' is its empty echo
 */
export interface Pattern {
  id: string
  kind: PatternKind
  text: string
  clauses: ClauseRole[]
}

/**
 * Whole sentences that praise (1) or blame (-1). A slot is a name of `words`; each is filled anew, from the list under that
 * name.
 */
export interface Statements {
  words: Record<string, string[]>
  frames: Record<Polarity, string[]>
}

export type PatternKind =
  'short' | 'plain' | 'negation' | 'contrast' | 'concession' | 'overall' | 'claim' | 'intensity' | 'irony'
export type ClauseRole =
  | 'decides'
  | 'negated'
  | 'opener'
  | 'opposes'
  | 'agrees'
  | 'free'
  | 'claim'
  | 'strong'
  | 'weak'
  | 'irony'
  | 'tail'
  | 'verdict'

/** A thing that can be judged; `form` is its number or gender, which verbs and adjectives agree with. */
export interface Aspect {
  text: string
  form: string
}

export interface Domain {
  name: string
  /** what the whole review is of: 'film', 'phone' */
  subjects: Aspect[]
  aspects: Aspect[]
}

export interface Language {
  name: 'en' | 'ru'
  domains: Domain[]
  frames: Frame[]
  negatedFrames: Frame[]
  strongFrames: Frame[]
  weakFrames: Frame[]
  claims: Frame[]
  ironies: Frame[]
  tails: Frame[]
  openers: Frame[]
  verdicts: Verdict[]
  statements: Statements
  patterns: Pattern[]
  /** neutral sentences, for the training part and for the test part */
  fillers: { train: Frame[]; test: Frame[] }
  /** Writes `slot` for `aspect`; `polarity` is that of the word, not of the clause. */
  fill(slot: string, aspect: Aspect, subject: Aspect, polarity: Polarity, pick: Pick): string
}

export type Pick = <T>(items: readonly T[]) => T
