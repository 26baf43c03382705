// Options of pipelines and calls: each is known, of its type, or an error that names those there are. Names that only
// other libraries give a meaning are notes.

/** @returns what was expected, or null where the value is right */
type Check = (value: unknown) => string | null

export const whole =
  (least: number): Check =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= least ? null : `a whole number from ${least}`
export const wholeOrNull =
  (least: number): Check =>
  (value) =>
    value === null || whole(least)(value) === null ? null : `a whole number from ${least}, or null for all`
export const boolean: Check = (value) => (typeof value === 'boolean' ? null : 'true or false')
export const text: Check = (value) => (typeof value === 'string' ? null : 'a text')
export const callable: Check = (value) => (typeof value === 'function' ? null : 'a function')
export const anObject: Check = (value) => (typeof value === 'object' && value !== null ? null : 'an object')
export const oneOf =
  (...values: readonly unknown[]): Check =>
  (value) =>
    values.includes(value)
      ? null
      : values
          .map(String)
          .join(', ')
          .replace(/, ([^,]+)$/, ' or $1')
export const texts: Check = (value) =>
  Array.isArray(value) && value.every((item) => typeof item === 'string') ? null : 'a list of texts'

/** What to do instead, for options of other libraries. */
const HINTS: Readonly<Record<string, string>> = {
  text_pair: '; give two texts as { text, text_pair }',
  return_all_scores: '; top_k: null gives all',
  quantize: '; the vectors are f32 (compact-kernels/transformers makes bits of them)',
}

/** Option names that may be given, with their checks. */
export type Known<O> = { readonly [K in keyof O]-?: Check }

/** Options of transformers.js and transformers that change nothing here, with why. */
export type WithoutMeaning = Readonly<Record<string, string>>

/**
 * Checks the options of one call.
 * @param where what takes them, for messages
 * @param notes gets a line for each option that has no meaning here
 * @returns the options; an empty object where none were given
 * @throws where they are no object, a name is not known, or a value is not of its type
 */
export function checkOptions<O extends object>(
  where: string,
  options: O | null | undefined,
  known: Known<O>,
  withoutMeaning: WithoutMeaning,
  notes: Set<string>,
): O {
  if (options === undefined || options === null) return {} as O
  if (typeof options !== 'object' || Array.isArray(options))
    throw new TypeError(`${where}: the options are ${describe(options)}, expected an object such as {}`)
  for (const [name, value] of Object.entries(options)) {
    if (Object.hasOwn(withoutMeaning, name)) {
      notes.add(`${where}: the option ${name} is left alone: ${withoutMeaning[name]}`)
      continue
    }
    if (!Object.hasOwn(known, name))
      throw new TypeError(
        `${where}: the option '${name}' is not known; there are ${Object.keys(known).join(', ')}${HINTS[name] ?? ''}`,
      )
    if (value === undefined) continue
    const expected = known[name as keyof O](value)
    if (expected !== null) throw new TypeError(`${where}: ${name} is ${describe(value)}, expected ${expected}`)
  }
  return options
}

function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value)
  return Array.isArray(value) ? 'a list' : typeof value
}
