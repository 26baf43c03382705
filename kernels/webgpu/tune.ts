// Timed choices among the forms of linear layers: at most five candidates per shape and class of rows, each compared with
// the default's outputs, timed by timestamps inside one pass each, kept per adapter and driver.

import { describeAdapter } from './adapter.ts'
import { rowClass, type Form } from './call.ts'

/** Where choices are kept from one start to the next; localStorage is one. */
export interface TuningStore {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
}

/** One shape that was timed. */
export interface TunedShape {
  shape: string
  /** the choice holds for up to that many rows */
  rows: number
  chosen: string
  /** by form: microseconds of one dispatch, with those beside it that other forms spare; null where its outputs differ from the default's */
  us: Record<string, number | null>
}

export const MOST_CANDIDATES = 5
/** Times a form runs in one timed pass, at least; more often while the default's pass is short beside a timestamp's step. */
export const REPEATS = 20
export const MOST_REPEATS = 1280
/** Browsers round timestamps to 65.5 or 100 us. */
export const LEAST_PASS_US = 2000
/** Passes of each candidate, in turns; the least time counts. */
export const ROUNDS = 3
/** Another form must save this share of the default's time to be taken. */
const WORTH = 0.95
/** Sums in another order differ by less than this share of the largest output. */
const TOLERANCE = 1e-5
/** The same where some forms multiply in f16. */
const HALF_TOLERANCE = 1e-2

const VERSION = 2

const inMemory = new Map<string, string>()
const MEMORY: TuningStore = {
  getItem: (key) => inMemory.get(key) ?? null,
  setItem: (key, value) => void inMemory.set(key, value),
}

/** localStorage in pages that have it; else for the life of the process. */
function defaultStore(): TuningStore {
  try {
    return (globalThis as { window?: { localStorage?: TuningStore } }).window?.localStorage ?? MEMORY
  } catch {
    // pages may be forbidden to store
    return MEMORY
  }
}

/** A form in words: its shader and constants. */
export const formName = ({ shader, constants }: Form): string =>
  [shader, ...Object.entries(constants).map((pair) => pair.join('='))].join(' ')

export class Tuning {
  readonly #store: TuningStore
  readonly #prefix: string

  constructor(info: GPUAdapterInfo, store: TuningStore = defaultStore()) {
    this.#store = store
    const agent = (globalThis as { navigator?: { userAgent?: string } }).navigator?.userAgent ?? ''
    const adapter = [info.vendor, info.architecture, info.device, describeAdapter(info), agent].join('|')
    this.#prefix = `compact-kernels tuning ${VERSION}|${adapter}|`
  }

  /** The form that was found fastest, where one of these was. */
  chosen<F extends Form>(shape: string, rows: number, forms: F[]): F | null {
    const name = this.#store.getItem(this.#key(shape, rows))
    return forms.find((form) => formName(form) === name) ?? null
  }

  keep(shape: string, rows: number, form: Form): void {
    this.#store.setItem(this.#key(shape, rows), formName(form))
  }

  #key(shape: string, rows: number): string {
    return `${this.#prefix}${shape}|${rowClass(rows)}`
  }
}

/**
 * Candidates for a shape, the default first, then the first of the other way: a form that does the work of calls beside
 * it, or one that does not. Least rows of such forms are no matter of time.
 *
 * @param isFree those calls hang on this one alone; else forms that do their work are no choice of this call's own
 */
export function candidatesOf<F extends Form>(forms: F[], byDefault: F, rows: number, isFree: boolean): F[] {
  const doesMore = ({ includesBefore, normalizes }: Form): boolean => Boolean(includesBefore ?? normalizes)
  if (!isFree && doesMore(byDefault)) return [byDefault]
  const usable = forms.filter((form) => !doesMore(form) || (isFree && rows >= (form.minRows ?? 0)))
  const otherWay = usable.filter((form) => doesMore(form) !== doesMore(byDefault))
  const other =
    otherWay.find(({ minRows = 0, maxRows = Infinity }) => rows >= minRows && rows <= maxRows) ?? otherWay[0]
  return [...new Set([byDefault, ...(other ? [other] : []), ...usable])].slice(0, MOST_CANDIDATES)
}

/** True where outputs are the default's but for the order of sums, and where some forms have them, for products in f16. */
export function agrees(actual: Float32Array, expected: Float32Array, hasHalves = false): boolean {
  let largest = 0
  for (const value of expected) largest = Math.max(largest, Math.abs(value))
  return expected.every((value, i) => Math.abs(actual[i] - value) <= (hasHalves ? HALF_TOLERANCE : TOLERANCE) * largest)
}

/** The index of the fastest of `us`, the default's (the first) unless another is worth it. */
export function fastest(us: (number | null)[]): number {
  let best = 0
  us.forEach((time, i) => {
    if (time !== null && time < us[0]! * WORTH && time < us[best]!) best = i
  })
  return best
}
