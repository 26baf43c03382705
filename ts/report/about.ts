// What a report is about: the study that it reproduces, its data, each row in words, and how to have it all again.

import { BUILTIN_MAIL } from '../data/mail/name.ts'
import { BUILTIN_REVIEWS } from '../data/reviews/reviews.ts'
import { parseRecipe, type Step } from '../recipe/apply.ts'
import { definitionOf } from '../recipe/steps/index.ts'
import { PAPER } from './paper.ts'
import type { StudyResults, StudyRow } from './results.ts'

/** The study that is reproduced. */
export const studyWords = (): string =>
  `Reproduces ${PAPER.authors}, “${PAPER.title}”, ${PAPER.year}: ten variants of a BERT classifier, and rows beyond them.`

/** Whether the texts are made by a program; of a file of the user nothing is known. */
export const isSynthetic = ({ source }: Pick<StudyResults['data'], 'source'>): boolean => source === BUILTIN_REVIEWS

/** Which data, and whether they are real. */
export function dataWords({ source }: Pick<StudyResults['data'], 'source'>): string {
  if (isSynthetic({ source }))
    return `Data: ${source}, synthetic: sentences that a grammar makes. The measures say nothing about real texts.`
  if (source === BUILTIN_MAIL)
    return `Data: ${source}, real: e-mails that people sent and received (SpamAssassin’s public corpus).`
  return `Data: ${source}, a file of the user’s own; whether people wrote its texts, this report cannot know.`
}

/** The part of a syntax that is a value, such as `<NN>`. */
const VALUE = /<([^>]+)>|…/g

/** Values of a step by their names in a syntax; null where it was not written by that syntax. */
function valuesOf(syntax: string, text: string): Map<string, string> | null {
  const names = [...syntax.matchAll(VALUE)].map(([, name = '']) => name)
  const pattern = syntax
    .replaceAll(VALUE, '\0')
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll('\0', '([^x-]+?)')
  const found = new RegExp(`^${pattern}$`).exec(text)
  return found && new Map(names.map((name, i) => [name, found[i + 1]]))
}

const withoutExample = (meaning: string): string => meaning.replace(/, e\.g\. .*$/, '')
const fixedLetters = (syntax: string): number => syntax.replaceAll(VALUE, '').length

/** A step in words, its counts and percentages filled in; ranks are described by their letter. */
function stepWords(step: Step): string {
  const { syntax } = definitionOf(step)
  const fitting = syntax
    .flatMap(([text, meaning]) => {
      const values = valuesOf(text, step.text)
      return values ? [{ text, meaning, values }] : []
    })
    .sort((a, b) => fixedLetters(b.text) - fixedLetters(a.text))
  const [, first = ''] = syntax[0] ?? []
  const { meaning, values } = fitting[0] ?? { meaning: first, values: new Map<string, string>() }
  const whole = meaning.startsWith('the same') && meaning !== first ? `${withoutExample(first)}; ${meaning}` : meaning
  let words = withoutExample(whole)
  for (const [name, value] of values)
    if (/^(NN|[hfnm])$/.test(name)) words = words.replaceAll(new RegExp(`\\b${name}\\b`, 'g'), value)
  return `${step.text}: ${words}`
}

/** A recipe in words, one sentence for each step; '' for none. */
export const recipeWords = (recipe: string): string =>
  recipe === '' ? '' : parseRecipe(recipe).map(stepWords).join('. ')

/** What a row is in words. */
export function rowWords({ id, recipe, parent }: Pick<StudyRow, 'id' | 'recipe' | 'parent'>): string {
  if (id === 'baseline') return 'the model that every other row is held against'
  if (id === 'student') return 'a smaller model; the notes say how it was trained'
  return `${recipeWords(recipe)}${parent === 'student' ? ' (of the student)' : ''}`
}

const quoted = (text: string): string => (/^[\w./:,@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`)

/** The command that makes this study again, in a shell of POSIX. */
export function commandOf({ settings, rows }: StudyResults): string {
  const { preparation } = settings
  const timed = rows.some(({ gpu }) => gpu) ? (rows.some(({ cpu }) => cpu) ? 'cpu,gpu' : 'gpu') : 'cpu'
  const threads = rows.find(({ cpu }) => cpu)?.cpu?.threads
  const flags: [name: string, value: string | number | boolean | null | undefined][] = [
    ['quick', settings.quick],
    ['model', settings.model === 'scratch' ? null : settings.model],
    ['data', settings.data],
    ['test', settings.test],
    ['validation', settings.validation],
    ['unlabelled', settings.unlabelled],
    ['text', settings.text],
    ['label', settings.label],
    ['prepare', preparation && (preparation.steps.join(',') || 'none')],
    ['language', preparation && preparation.steps.length > 0 ? preparation.language : null],
    ['student', settings.student],
    ['variants', rows.length > 0 ? rows.map(({ id }) => id).join(',') : null],
    ['devices', timed],
    ['threads', threads],
    ['tokens', settings.tokens],
    ['minutes', settings.minutes],
    ['metric', settings.metric],
    ['positive', settings.positive],
    ['balance', settings.balance],
    ['threshold', settings.threshold],
    ['teacher', settings.teacher],
    ['no-tuning', !settings.isTuned],
    ['passes', settings.passes],
    ['hidden-weight', settings.hiddenWeight === 0 ? null : settings.hiddenWeight],
    ['seed', settings.seed],
  ]
  const words = flags.flatMap(([name, value]) => {
    if (value === null || value === undefined || value === false) return []
    return value === true ? [`--${name}`] : [`--${name} ${quoted(String(value))}`]
  })
  return `compact-kernels study ${words.join(' ')} --out study-again`
}

/** The lines that use a row's model, run in the folder that holds the study's report. */
export function codeOf({ folder }: Pick<StudyRow, 'folder'>): string {
  return `import { pipeline } from 'compact-kernels'

const classify = await pipeline('text-classification', './${folder}', { device: 'auto' })
console.log(await classify('the text to judge')) // [{ label, score }]
await classify.dispose()`
}
