// results.json of the page: what one browser measured, for another to compare with.

import type { Abilities } from './browser.ts'
import type { BenchRow, BreakEvenTime, KernelTime, ModelTime } from './messages.ts'
import type { ModelFacts } from './model-facts.ts'

export const RESULTS_SCHEMA = 'compact-kernels/page/1'

export interface PageResults {
  schema: typeof RESULTS_SCHEMA
  date: string
  machine: {
    browser: string
    cores: number
    isolated: boolean
    /** null: none */
    adapter: { name: string; software: boolean } | null
  }
  model: string
  /** F1 by variant as the model's maker measured it; null where it is not known */
  scores: ModelFacts['variants'] | null
  /** false: stopped before its end */
  finished: boolean
  quick: boolean
  rows: BenchRow[]
}

export const machineOf = ({ cores, isolated, adapter }: Abilities): PageResults['machine'] => ({
  browser: navigator.userAgent,
  cores,
  isolated,
  adapter: adapter && { name: adapter.name, software: adapter.software },
})

/** A browser's name and version in a few words. */
export function browserName(agent: string): string {
  const found =
    /(Firefox|Edg|OPR)\/(\d+)/.exec(agent) ??
    /(HeadlessChrome|Chrome)\/(\d+)/.exec(agent) ??
    /(Version)\/(\d+)[\d.]* .*Safari/.exec(agent)
  const system = /(Windows|Android|iPhone|iPad|Mac OS|CrOS|Linux)/.exec(agent)?.[1] ?? ''
  const names: Record<string, string> = { Edg: 'Edge', OPR: 'Opera', Version: 'Safari' }
  return [found ? `${names[found[1]] ?? found[1]} ${found[2]}` : agent.slice(0, 30), system].filter(Boolean).join(', ')
}

/** Which machine a file is of. */
export const machineName = ({ machine, date }: PageResults): string =>
  `${browserName(machine.browser)}, ${machine.cores} threads, ${date.slice(0, 10)}`

type Kind = 'text' | 'number' | 'yes or no'
type Fields<T> = Record<Exclude<keyof T, 'part' | 'kind'>, Kind>

const PLACE = { device: 'text', software: 'yes or no', threads: 'number' } as const
const TIME = { medianMs: 'number', madMs: 'number', n: 'number', noisy: 'yes or no' } as const
const FIELDS: {
  models: Fields<ModelTime>
  kernels: Fields<KernelTime>
  'break-even': Fields<BreakEvenTime>
} = {
  models: {
    ...PLACE,
    ...TIME,
    model: 'text',
    variant: 'text',
    bytes: 'number',
    tokens: 'number',
    p95Ms: 'number',
    coldMs: 'number',
  },
  kernels: { ...PLACE, ...TIME, shape: 'text', op: 'text', variant: 'text', gops: 'number', maxError: 'number' },
  'break-even': { ...PLACE, ...TIME, shape: 'text', format: 'text', density: 'number' },
}

const KINDS: Record<Kind, (value: unknown) => boolean> = {
  text: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number' && Number.isFinite(value) && value >= 0,
  'yes or no': (value) => typeof value === 'boolean',
}

type Unknown = Record<string, unknown>
const isObject = (value: unknown): value is Unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Reads a results.json.
 * @param name of the file, for messages
 * @throws with the field that is not as expected
 */
export function parseResults(content: string, name: string): PageResults {
  let value: unknown
  try {
    value = JSON.parse(content)
  } catch (error) {
    throw new Error(`${name}: it is not JSON (${(error as Error).message}); expected results.json of this page`, {
      cause: error,
    })
  }
  const refuse = (what: string, expected: string, found: unknown): never => {
    const text = JSON.stringify(found)
    const shown = text === undefined ? 'nothing' : text.length > 60 ? `${text.slice(0, 60)} …` : text
    throw new Error(
      `${name}: ${what} is ${shown}, expected ${expected}; download results.json on the other machine anew`,
    )
  }
  if (!isObject(value)) return refuse('the file', 'an object', value)
  if (value.schema !== RESULTS_SCHEMA) refuse('schema', `'${RESULTS_SCHEMA}'`, value.schema)
  const check = (of: Unknown, key: string, kind: Kind, path: string): void => {
    if (!KINDS[kind](of[key])) refuse(path + key, kind === 'number' ? 'a number from 0' : kind, of[key])
  }
  check(value, 'date', 'text', '')
  check(value, 'model', 'text', '')
  check(value, 'quick', 'yes or no', '')
  check(value, 'finished', 'yes or no', '')
  const { machine, scores, rows } = value
  if (!isObject(machine)) return refuse('machine', 'an object', machine)
  check(machine, 'browser', 'text', 'machine.')
  check(machine, 'cores', 'number', 'machine.')
  check(machine, 'isolated', 'yes or no', 'machine.')
  if (machine.adapter !== null) {
    if (!isObject(machine.adapter)) return refuse('machine.adapter', 'an object or null', machine.adapter)
    check(machine.adapter, 'name', 'text', 'machine.adapter.')
    check(machine.adapter, 'software', 'yes or no', 'machine.adapter.')
  }
  if (scores !== null) {
    if (!isObject(scores)) return refuse('scores', 'an object or null', scores)
    for (const [variant, of] of Object.entries(scores)) {
      if (!isObject(of)) return refuse(`scores.${variant}`, 'an object', of)
      for (const key of ['bytes', 'accuracy', 'f1', 'f1Low', 'f1High']) check(of, key, 'number', `scores.${variant}.`)
    }
  }
  if (!Array.isArray(rows)) return refuse('rows', 'a list', rows)
  for (const [i, row] of (rows as unknown[]).entries()) {
    if (!isObject(row)) return refuse(`rows[${i}]`, 'an object', row)
    const fields = FIELDS[row.part as keyof typeof FIELDS] as Record<string, Kind> | undefined
    if (!fields) return refuse(`rows[${i}].part`, Object.keys(FIELDS).join(', '), row.part)
    if (row.kind !== 'cpu' && row.kind !== 'gpu') refuse(`rows[${i}].kind`, "'cpu' or 'gpu'", row.kind)
    for (const [key, kind] of Object.entries(fields)) check(row, key, kind, `rows[${i}].`)
  }
  return value as unknown as PageResults
}
