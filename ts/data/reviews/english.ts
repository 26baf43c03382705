// English for the review generator.

import { ENGLISH_STATEMENTS } from './english-statements.ts'
import type { Aspect, Language, Polarity } from './language.ts'

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '')

const ADJECTIVES: Record<Polarity, string[]> = {
  [1]: words(`great wonderful excellent superb delightful charming impressive lovely fantastic
    outstanding pleasant clever good nice`),
  [-1]: words(`terrible awful boring dreadful horrible poor weak dull disappointing mediocre pathetic annoying
    ugly bad`),
}
// [past, after "did not"]
const FEELINGS: Record<Polarity, [string, string][]> = {
  [1]: [
    ['loved', 'love'],
    ['liked', 'like'],
    ['enjoyed', 'enjoy'],
  ],
  [-1]: [
    ['hated', 'hate'],
    ['disliked', 'dislike'],
    ['regretted', 'regret'],
  ],
}
const EFFECTS: Record<Polarity, [string, string][]> = {
  [1]: [
    ['delighted', 'delight'],
    ['impressed', 'impress'],
    ['charmed', 'charm'],
  ],
  [-1]: [
    ['annoyed', 'annoy'],
    ['bored', 'bore'],
    ['disappointed', 'disappoint'],
  ],
}
const INTENSIFIERS = ['', '', '', 'very', 'really', 'truly', 'quite', 'so']
const NEGATED_INTENSIFIERS = ['', '', '', '', 'very', 'really']
const STRONG = ['absolutely', 'incredibly', 'extremely', 'utterly']
const WEAK = ['slightly', 'a bit', 'somewhat', 'a little']
const PEOPLE = ['my sister', 'my neighbour', 'a colleague', 'my parents', 'an old friend', 'my brother']
const DAYS = ['on Friday', 'last week', 'in March', 'on Sunday evening', 'a month ago', 'yesterday']
const PAINS = words('waiting_for_hours sleeping_in_your_chair reading_error_messages standing_in_a_queue')
  .concat(words('arguing_with_a_robot paying_twice headaches throwing_money_away'))
  .map((pain) => pain.replaceAll('_', ' '))

const aspects = (singular: string, plural: string): Aspect[] => [
  ...words(singular).map((text) => ({ text: text.replaceAll('_', ' '), form: 's' })),
  ...words(plural).map((text) => ({ text: text.replaceAll('_', ' '), form: 'p' })),
]

const article = (next: string): string => (/^[aeiou]/.test(next) ? `an ${next}` : `a ${next}`)

export const ENGLISH: Language = {
  name: 'en',
  domains: [
    {
      name: 'film',
      subjects: aspects('film movie series show', ''),
      aspects: aspects('plot acting soundtrack ending script camera_work cast', 'dialogues jokes effects'),
    },
    {
      name: 'product',
      subjects: aspects('phone laptop headset kettle camera', ''),
      aspects: aspects('screen battery sound design case packaging', 'buttons speakers colours'),
    },
    {
      name: 'service',
      subjects: aspects('hotel restaurant cafe clinic', ''),
      aspects: aspects('staff food room delivery support atmosphere', 'waiters rooms portions'),
    },
  ],
  frames: [
    { id: 'be', text: 'the {A} {be} {I} {J}' },
    { id: 'felt', text: 'the {A} felt {I} {J}' },
    { id: 'found', text: 'I found the {A} {I} {J}' },
    { id: 'turned', text: 'the {A} turned out {I} {J}' },
    { id: 'call', text: 'I would call the {A} {J}' },
    { id: 'think', text: 'I think the {A} {be} {I} {J}' },
    { id: 'feel', text: 'I {V} the {A}' },
    { id: 'effect', text: 'the {A} {W} me' },
    { id: 'such', text: 'it is {aJ} {N}, and the {A} {be} {J}' },
  ],
  negatedFrames: [
    { id: 'not', text: 'the {A} {be} not {K} {J}', flips: true },
    { id: 'notsay', text: 'I would not say that the {A} {be} {K} {J}', flips: true },
    { id: 'notatall', text: 'the {A} {be} not {J} at all', flips: true },
    { id: 'notfeel', text: 'I did not {V0} the {A}', flips: true },
    { id: 'noeffect', text: 'the {A} did not {W0} me', flips: true },
  ],
  strongFrames: [
    { id: 'be', text: 'the {A} {be} {S} {J}' },
    { id: 'found', text: 'I found the {A} {S} {J}' },
    { id: 'felt', text: 'the {A} felt {S} {J}' },
  ],
  weakFrames: [
    { id: 'be', text: 'the {A} {be} {D} {J}' },
    { id: 'found', text: 'I found the {A} {D} {J}' },
    { id: 'felt', text: 'the {A} felt {D} {J}' },
  ],
  claims: [
    { id: 'told', text: 'everyone told me the {A} {be} {J}' },
    { id: 'advert', text: 'the advert promised that the {A} would be {J}' },
    { id: 'expected', text: 'I expected the {A} to be {J}' },
    { id: 'reviews', text: 'other reviews call the {A} {J}' },
    { id: 'friend', text: '{P} says the {A} {be} {I} {J}' },
    { id: 'afraid', text: 'beforehand I thought the {A} would be {J}' },
  ],
  ironies: [
    { id: 'oh', text: 'oh great, another {J} {N} for fans of {pain}' },
    { id: 'sure', text: 'yeah, sure, the {A} {be} {J}, if you enjoy {pain}' },
    { id: 'thanks', text: 'thanks a lot for the {J} {A}, I just love {pain}' },
    { id: 'course', text: 'of course the {A} {be} {J}, almost as {J} as {pain}' },
    { id: 'if', text: 'the {A} {be} so {J} that I would rather choose {pain}' },
    { id: 'wow', text: 'wow, such {J} {A}, who does not dream of {pain}' },
  ],
  tails: [
    { id: 'bravo', text: 'Bravo' },
    { id: 'needed', text: 'Just what I needed' },
    { id: 'welldone', text: 'Well done indeed' },
    { id: 'applause', text: 'Applause, please' },
    { id: 'award', text: 'Give them an award' },
    { id: 'none', text: '' },
  ],
  openers: [
    { id: 'opinion', text: 'in my opinion' },
    { id: 'asfor', text: 'as for me' },
    { id: 'frankly', text: 'frankly' },
    { id: 'briefly', text: 'in short' },
    { id: 'fair', text: 'to be fair' },
    { id: 'well', text: 'well' },
    { id: 'say', text: 'what can I say' },
    { id: 'main', text: 'the main thing first' },
  ],
  verdicts: [
    { id: 'recommend', text: 'I recommend this {N}', polarity: 1 },
    { id: 'penny', text: 'it is worth every penny', polarity: 1 },
    { id: 'again', text: 'I would gladly take this {N} again', polarity: 1 },
    { id: 'thanks', text: 'thank you to everyone who made this {N}', polarity: 1 },
    { id: 'needed', text: 'it is just what I needed', polarity: 1 },
    { id: 'norecommend', text: 'I do not recommend this {N}', polarity: -1 },
    { id: 'nopenny', text: 'it is not worth a penny', polarity: -1 },
    { id: 'never', text: 'I will never take this {N} again', polarity: -1 },
    { id: 'waste', text: 'this {N} is a waste of money', polarity: -1 },
    { id: 'refund', text: 'I want my money back', polarity: -1 },
  ],
  statements: ENGLISH_STATEMENTS,
  patterns: [
    { id: 'and', kind: 'plain', text: '{1}, and {2}', clauses: ['decides', 'agrees'] },
    { id: 'also', kind: 'plain', text: '{1}. Also, {2}', clauses: ['decides', 'agrees'] },
    { id: 'so', kind: 'plain', text: '{1}, so {2}', clauses: ['decides', 'verdict'] },
    { id: 'then', kind: 'plain', text: '{1}. {2}', clauses: ['verdict', 'decides'] },
    { id: 'one', kind: 'plain', text: '{1}. {2}', clauses: ['decides', 'decides'] },
    { id: 'opened', kind: 'plain', text: '{1}, {2}', clauses: ['opener', 'decides'] },
    { id: 'noopened', kind: 'negation', text: '{1}, {2}', clauses: ['opener', 'negated'] },
    { id: 'nocolon', kind: 'negation', text: '{1}: {2}', clauses: ['opener', 'negated'] },
    { id: 'noand', kind: 'negation', text: '{1}, and {2}', clauses: ['negated', 'negated'] },
    { id: 'no', kind: 'negation', text: '{1}. {2}', clauses: ['negated', 'negated'] },
    { id: 'but', kind: 'contrast', text: '{1}, but {2}', clauses: ['opposes', 'decides'] },
    { id: 'however', kind: 'contrast', text: '{1}. However, {2}', clauses: ['opposes', 'decides'] },
    { id: 'yet', kind: 'contrast', text: '{1}, and yet {2}', clauses: ['opposes', 'decides'] },
    { id: 'still', kind: 'contrast', text: '{1}. But still, {2}', clauses: ['opposes', 'decides'] },
    { id: 'butand', kind: 'contrast', text: '{1}, but {2} and {3}', clauses: ['opposes', 'decides', 'agrees'] },
    { id: 'although', kind: 'concession', text: 'although {1}, {2}', clauses: ['opposes', 'decides'] },
    { id: 'even', kind: 'concession', text: 'even though {1}, {2}', clauses: ['opposes', 'decides'] },
    { id: 'althoughlast', kind: 'concession', text: '{1}, although {2}', clauses: ['decides', 'opposes'] },
    { id: 'overall', kind: 'overall', text: '{1}, {2}. Overall, {3}', clauses: ['free', 'free', 'decides'] },
    { id: 'inall', kind: 'overall', text: '{1}. All in all, {2}', clauses: ['free', 'decides'] },
    { id: 'butoverall', kind: 'overall', text: '{1}, but overall {2}', clauses: ['opposes', 'decides'] },
    { id: 'claimfact', kind: 'claim', text: '{1}. In fact {2}', clauses: ['claim', 'decides'] },
    { id: 'claimbut', kind: 'claim', text: '{1}, but {2}', clauses: ['claim', 'decides'] },
    { id: 'claimreality', kind: 'claim', text: '{1}. In reality {2}', clauses: ['claim', 'decides'] },
    { id: 'strongfirst', kind: 'intensity', text: '{1}, {2}', clauses: ['strong', 'weak'] },
    { id: 'weakfirst', kind: 'intensity', text: '{1}, {2}', clauses: ['weak', 'strong'] },
    { id: 'strongand', kind: 'intensity', text: '{1} and {2}', clauses: ['strong', 'weak'] },
    { id: 'weakand', kind: 'intensity', text: '{1} and {2}', clauses: ['weak', 'strong'] },
    { id: 'irony', kind: 'irony', text: '{1}. {2}', clauses: ['irony', 'tail'] },
    { id: 'ironyfirst', kind: 'irony', text: '{1}. {2}', clauses: ['tail', 'irony'] },
  ],
  fillers: {
    train: [
      { id: 'bought', text: 'I found it {day} thanks to {P}' },
      { id: 'came', text: 'we came here {day} with {P}' },
      { id: 'second', text: 'this is my second {N} this year' },
      { id: 'told', text: '{P} told me about it {day}' },
      { id: 'first', text: 'this was my first {N} of this kind' },
      { id: 'hours', text: 'I spent about two hours with it' },
      { id: 'write', text: 'I rarely write about such a {N}' },
      { id: 'discount', text: 'there was a small discount {day}' },
      { id: 'chose', text: '{P} chose the {N} and I agreed' },
      { id: 'month', text: 'a month has passed since then' },
      { id: 'about', text: 'now a few words about the {A}' },
      { id: 'honest', text: 'I paid for it myself' },
    ],
    test: [
      { id: 'icame', text: 'I came here {day} with {P}' },
      { id: 'found', text: '{P} found it {day}' },
      { id: 'kind', text: 'this was my second {N} of this kind' },
      { id: 'spent', text: '{P} and I spent about two hours here' },
      { id: 'since', text: 'about a month has passed since I chose it' },
      { id: 'paid', text: '{P} paid for the {N}' },
    ],
  },
  fill(slot, aspect, subject, polarity, pick) {
    switch (slot) {
      case 'A':
        return aspect.text
      case 'N':
        return subject.text
      case 'J':
        return pick(ADJECTIVES[polarity])
      case 'aJ':
        return article(pick(ADJECTIVES[polarity]))
      case 'I':
        return pick(INTENSIFIERS)
      case 'K':
        return pick(NEGATED_INTENSIFIERS)
      case 'S':
        return pick(STRONG)
      case 'D':
        return pick(WEAK)
      case 'V':
        return pick(FEELINGS[polarity])[0]
      case 'V0':
        return pick(FEELINGS[polarity])[1]
      case 'W':
        return pick(EFFECTS[polarity])[0]
      case 'W0':
        return pick(EFFECTS[polarity])[1]
      case 'be':
        return aspect.form === 's' ? pick(['is', 'was']) : pick(['are', 'were'])
      case 'P':
        return pick(PEOPLE)
      case 'day':
        return pick(DAYS)
      case 'pain':
        return pick(PAINS)
      default:
        throw new Error(`reviews: English has no slot {${slot}}`)
    }
  },
}
