// Timed choices among the variants of linear layers: at most five candidates per shape and class of rows, each compared with
// the default's outputs, timed by timestamps inside one pass each, kept per adapter and driver.

import { describeAdapter } from './adapter.ts'
import { rowClass, type CallVariant } from './call.ts'

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
  /** by variant: microseconds of one dispatch, with those beside it that other variants spare; null where its outputs differ from the default's */
  us: Record<string, number | null>
}

export const MOST_CANDIDATES = 5
/** Times a variant runs in one timed pass, at least; more often while the default's pass is short beside a timestamp's step. */
export const REPEATS = 20
export const MOST_REPEATS = 1280
/** Browsers round timestamps to 65.5 or 100 us. */
export const LEAST_PASS_US = 2000
/** Passes of each candidate, in turns; the least time counts. */
export const ROUNDS = 3
/** Another variant must save this share of the default's time to be taken. */
const WORTH = 0.95
/** Sums in another order differ by less than this share of the largest output. */
const TOLERANCE = 1e-5
/** The same where some variants multiply in f16. */
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

/** A variant in words: its shader and constants. */
export const variantName = ({ row, constants }: Pick<CallVariant, 'row' | 'constants'>): string =>
  [row.shader, ...Object.entries(constants).map((pair) => pair.join('='))].join(' ')

export class Tuning {
  readonly #store: TuningStore
  readonly #prefix: string

  constructor(info: GPUAdapterInfo, store: TuningStore = defaultStore()) {
    this.#store = store
    const agent = (globalThis as { navigator?: { userAgent?: string } }).navigator?.userAgent ?? ''
    const adapter = [info.vendor, info.architecture, info.device, describeAdapter(info), agent].join('|')
    this.#prefix = `compact-kernels tuning ${VERSION}|${adapter}|`
  }

  /** The variant that was found fastest, where one of these was. */
  chosen<V extends CallVariant>(shape: string, rows: number, variants: V[]): V | null {
    const name = this.#store.getItem(this.#key(shape, rows))
    return variants.find((variant) => variantName(variant) === name) ?? null
  }

  keep(shape: string, rows: number, variant: CallVariant): void {
    this.#store.setItem(this.#key(shape, rows), variantName(variant))
  }

  #key(shape: string, rows: number): string {
    return `${this.#prefix}${shape}|${rowClass(rows)}`
  }
}

/**
 * Candidates for a shape, the default first, then the first that differs from it in whether it does the work of calls
 * beside it. The least rows of such variants are not a choice by time.
 *
 * @param isFree those calls are read by this one alone; else variants that do their work are not this call's to choose
 */
export function candidatesOf<V extends CallVariant>(variants: V[], byDefault: V, rows: number, isFree: boolean): V[] {
  const doesMore = ({ row }: CallVariant): boolean => Boolean(row.includesBefore ?? row.normalizes)
  if (!isFree && doesMore(byDefault)) return [byDefault]
  const usable = variants.filter((variant) => !doesMore(variant) || (isFree && rows >= (variant.minRows ?? 0)))
  const others = usable.filter((variant) => doesMore(variant) !== doesMore(byDefault))
  const other = others.find(({ minRows = 0, maxRows = Infinity }) => rows >= minRows && rows <= maxRows) ?? others[0]
  return [...new Set([byDefault, ...(other ? [other] : []), ...usable])].slice(0, MOST_CANDIDATES)
}

/** True where outputs are the default's but for the order of sums, and where some variants multiply in f16, but for that. */
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
