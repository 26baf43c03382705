// What the kernels' tests take from vitest, in an engine where vitest does not run: bundle.ts puts this file in its place.
// It knows the forms that those tests use, and throws at another one.

/** One call of `it` inside a `describe.each` of devices. */
export interface DeviceTest {
  title: string
  /** name of the device of its row */
  device: string
  run: () => unknown
}

/** What the tests said of themselves when their files were loaded, in their order. */
export const collected: DeviceTest[] = []
export const atTheEnd: (() => unknown)[] = []

/** The describes around what is being collected. */
const around: { title: string; device?: string }[] = []

type Body = (...row: never[]) => unknown

/** The device that a row of `describe.each` names: the row itself, or its field `device`. */
function deviceOf(row: unknown): string | undefined {
  const named = (value: unknown): string | undefined => {
    const { name, create } = (value ?? {}) as { name?: string; create?: unknown }
    return typeof create === 'function' ? name : undefined
  }
  return named(row) ?? named((row as { device?: unknown } | null)?.device)
}

/** `$name` and `$device.name` are fields of the row; `%s` and `%i` are its values in their order. */
function titleOf(pattern: string, row: unknown): string {
  const values = Array.isArray(row) ? [...(row as unknown[])] : [row]
  return pattern
    .replace(/\$([\w.]+)/g, (_, path: string) =>
      String(path.split('.').reduce((at: unknown, key) => (at as Record<string, unknown> | undefined)?.[key], row)),
    )
    .replace(/%[si]/g, () => String(values.shift()))
}

const called = (body: Body, row: unknown): unknown =>
  (body as (...row: unknown[]) => unknown)(...(Array.isArray(row) ? (row as unknown[]) : [row]))

function within(title: string, device: string | undefined, body: () => unknown): void {
  around.push({ title, device })
  try {
    body()
  } finally {
    around.pop()
  }
}

export const describe = Object.assign((title: string, body: () => unknown) => within(title, undefined, body), {
  each: (rows: readonly unknown[]) => (title: string, body: Body) => {
    for (const row of rows) within(titleOf(title, row), deviceOf(row), () => called(body, row))
  },
})

function collect(title: string, run: () => unknown): void {
  const device = around.findLast((outer) => outer.device !== undefined)?.device
  // a test without a device makes its own, or needs none: it says nothing of this engine's devices
  if (device !== undefined)
    collected.push({ title: [...around.map((outer) => outer.title), title].join(' > '), device, run })
}

export const it = Object.assign(collect, {
  each: (rows: readonly unknown[]) => (title: string, body: Body) => {
    for (const row of rows) collect(titleOf(title, row), () => called(body, row))
  },
})

export const afterAll = (end: () => unknown): void => void atTheEnd.push(end)

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}

function isDeepEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false
  if (Array.isArray(a) && a.length !== (b as unknown[]).length) return false
  const [ofA, ofB] = [a, b].map((value) => Object.entries(value).filter(([, field]) => field !== undefined))
  const other = new Map<string, unknown>(ofB)
  return ofA.length === ofB.length && ofA.every(([key, value]) => other.has(key) && isDeepEqual(value, other.get(key)))
}

const says = (text: unknown, wanted: string | RegExp | undefined): boolean =>
  wanted === undefined || (typeof wanted === 'string' ? String(text).includes(wanted) : wanted.test(String(text)))

const thrownBy = (call: () => unknown): { error: unknown } | null => {
  try {
    call()
    return null
  } catch (error) {
    return { error }
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

type Matcher = (actual: unknown, ...wanted: never[]) => boolean

const MATCHERS = {
  toBe: (actual, wanted: unknown) => Object.is(actual, wanted),
  toEqual: (actual, wanted: unknown) => isDeepEqual(actual, wanted),
  toContain: (actual, wanted: unknown) =>
    typeof actual === 'string' ? actual.includes(String(wanted)) : [...(actual as Iterable<unknown>)].includes(wanted),
  toMatch: (actual, wanted: string | RegExp) => says(actual, wanted),
  toHaveLength: (actual, wanted: number) => (actual as ArrayLike<unknown>).length === wanted,
  toBeLessThan: (actual, wanted: number) => (actual as number) < wanted,
  toBeLessThanOrEqual: (actual, wanted: number) => (actual as number) <= wanted,
  toBeGreaterThan: (actual, wanted: number) => (actual as number) > wanted,
  toBeGreaterThanOrEqual: (actual, wanted: number) => (actual as number) >= wanted,
  toBeCloseTo: (actual, wanted: number, digits = 2) => Math.abs((actual as number) - wanted) < 10 ** -digits / 2,
  toThrow: (actual, wanted?: string | RegExp) => {
    const thrown = thrownBy(actual as () => unknown)
    return thrown !== null && says(messageOf(thrown.error), wanted)
  },
} satisfies Record<string, Matcher>

type Name = keyof typeof MATCHERS
type Checks = Record<Name, (...wanted: unknown[]) => void>

function checks(actual: unknown, isNegated: boolean): Checks {
  const entries = (Object.keys(MATCHERS) as Name[]).map((name) => {
    const check = (...wanted: unknown[]): void => {
      const matches = (MATCHERS[name] as (...given: unknown[]) => boolean)(actual, ...wanted)
      if (matches === isNegated)
        throw new Error(`expected ${shown(actual)} ${isNegated ? 'not ' : ''}${name} ${wanted.map(shown).join(', ')}`)
    }
    return [name, check] as const
  })
  return Object.fromEntries(entries) as Checks
}

export const expect = (actual: unknown) => ({
  ...checks(actual, false),
  not: checks(actual, true),
  rejects: {
    toThrow: async (wanted?: string | RegExp): Promise<void> => {
      const refused = await Promise.resolve(actual).then(
        () => null,
        (error: unknown) => ({ error }),
      )
      if (!refused) throw new Error('expected a rejection, and it was fulfilled')
      if (!says(messageOf(refused.error), wanted))
        throw new Error(`expected a rejection ${String(wanted)}, and it was: ${messageOf(refused.error)}`)
    },
  },
})
