// What options may hold. A wrong value is a usage error: the sentence says what was expected, the exit code is 2.

import type { Vocabulary } from '../distil/settings.ts'
import { InvalidArgumentError, Option } from '@commander-js/extra-typings'
import { PRESETS } from '../model/config.ts'
import { PREPARATION_LANGUAGES, PREPARATION_STEPS, type TextPreparation } from '../text/preparation.ts'
import { UsageError } from './failure.ts'

const DEVICES = ['cpu', 'gpu'] as const
export type DeviceKind = (typeof DEVICES)[number]
const DEVICE_NAMES = ['auto', ...DEVICES] as const
export type DeviceName = (typeof DEVICE_NAMES)[number]

/** Parses a whole number in [least, most]. */
export const wholeNumber =
  (least: number, most = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = Number(text)
    if (text.trim() === '' || !Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(
        `Expected a whole number ${most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`}.`,
      )
    return value
  }

/** Parses a number above 0 and up to `most`. */
export const positiveNumber =
  (most: number) =>
  (text: string): number => {
    const value = Number(text)
    if (text.trim() === '' || !(value > 0 && value <= most))
      throw new InvalidArgumentError(`Expected a number above 0, at most ${most}.`)
    return value
  }

/** Parses a share from 0 to 1. */
export function fraction(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError('Expected a number from 0 to 1.')
  return value
}

/** Parses a number that is 0 or more. */
export function amount(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && Number.isFinite(value)))
    throw new InvalidArgumentError('Expected a number, 0 or more.')
  return value
}

/** Smaller vocabularies hardly hold the letters. */
const LEAST_VOCABULARY = 64

/** 'same', 'task' or a number of tokens. */
export function vocabularyChoice(text: string): Vocabulary {
  if (text === 'same' || text === 'task') return text
  if (/^task:[1-9]\d{0,6}$/.test(text)) return text as Vocabulary
  const value = Number(text)
  if (!Number.isInteger(value) || value < LEAST_VOCABULARY || value > 1e6)
    throw new InvalidArgumentError(`Expected same, task, task:N or a number of tokens from ${LEAST_VOCABULARY}.`)
  return value
}

/** 'cpu', 'gpu' or 'cpu,gpu', in that order. */
export function deviceList(text: string): DeviceKind[] {
  const parts = text.split(',').map((part) => part.trim())
  const unknown = parts.find((part) => !DEVICES.includes(part as DeviceKind))
  if (unknown !== undefined || parts.length === 0) throw new InvalidArgumentError('Expected cpu, gpu or cpu,gpu.')
  return DEVICES.filter((kind) => parts.includes(kind))
}

/** A budget or a bound as it was asked for. */
export interface AskedGoal {
  /** as config.recipe writes it: 5MB, 3ms, 1% */
  text: string
  /** bytes, milliseconds, or a share */
  amount: number
  unit: 'bytes' | 'ms' | 'share'
}

const BYTES: Record<string, number> = { kB: 1e3, MB: 1e6, GB: 1e9 }

/** Parses a size such as 5MB or a time such as 3ms. */
export function budget(text: string): AskedGoal {
  const [, digits, unit] = /^(\d+(?:\.\d+)?|\.\d+) ?(kB|MB|GB|ms)$/.exec(text.trim()) ?? []
  if (!(Number(digits) > 0))
    throw new InvalidArgumentError('Expected a size in kB, MB (10^6 bytes) or GB, or a time in ms: 5MB, 3ms.')
  const amount = Number(digits) * (BYTES[unit] ?? 1)
  return { text: `${digits}${unit}`, amount, unit: unit === 'ms' ? 'ms' : 'bytes' }
}

/** Parses a share such as 1%. */
export function percentage(text: string): AskedGoal {
  const [, digits] = /^(\d+(?:\.\d+)?|\.\d+) ?%$/.exec(text.trim()) ?? []
  if (!(Number(digits) < 100)) throw new InvalidArgumentError('Expected a share below 100 %, such as 1%.')
  return { text: `${digits}%`, amount: Number(digits) / 100, unit: 'share' }
}

export const MODEL_HELP = 'folder, hub id, preset:NAME or builtin:encoder'
export const DATA_HELP =
  'CSV, TSV, JSONL, JSON (also .gz) or Parquet file, several by commas or by --data again, builtin:mail or builtin:reviews (synthetic)'

/** WebAssembly by default: the same numbers everywhere, and no driver is asked. */
export const deviceOption = () =>
  new Option('--device <kind>', 'where to run; auto: where the model is faster, measured once and remembered')
    .choices(DEVICE_NAMES)
    .default('cpu' as const)

/** Without a default, so that it is known whether it was given. */
export const timingDeviceOption = () =>
  new Option('--device <kind>', 'where a budget measures its times (default: cpu)').choices(DEVICES)

export const threadsOption = () =>
  new Option('--threads <n>', 'CPU threads (default: one a core, at most 4)').argParser(wholeNumber(1, 64))

export const seedOption = () =>
  new Option('--seed <n>', 'seed of every random choice').argParser(wholeNumber(0, 0xffffffff)).default(1)

export const jsonOption = () => new Option('--json', 'print JSON for machines')

export const quantizationAwareOption = () =>
  new Option(
    '--quantization-aware <steps>',
    'train on operands rounded as these steps will round them; compress afterwards',
  ).choices(['q8', 'q8+e8'] as const)

/** Files named in one list or in several options, joined by commas. Each option needs another parser. */
export function fileList(): (text: string) => string {
  const given: string[] = []
  return (text) => {
    given.push(text)
    return given.join(',')
  }
}

/** 'none', or steps joined by commas. */
function preparationSteps(text: string): TextPreparation['steps'] {
  if (text.trim() === 'none') return []
  const found = text.split(',').map((part) => part.trim())
  const steps = PREPARATION_STEPS.filter((step) => found.includes(step))
  const known: readonly string[] = PREPARATION_STEPS
  if (!found.every((step) => known.includes(step)))
    throw new InvalidArgumentError(`Expected none, or steps of ${PREPARATION_STEPS.join(',')}.`)
  return steps
}

export interface PreparationFlags {
  prepare?: TextPreparation['steps']
  language?: TextPreparation['language']
}

/** The preparation asked for; null where none was named, which leaves the model's own. */
export function preparationOf({ prepare, language }: PreparationFlags): TextPreparation | null {
  if (prepare) return { steps: prepare, language: language ?? 'auto' }
  if (language)
    throw new UsageError('--language is that of --prepare; give steps too, such as --prepare normalise,stem')
  return null
}

export const prepareOption = () =>
  new Option(
    '--prepare <steps>',
    'what is done to texts first: none, or of normalise,stopwords,stem (default: as the model was trained; a new one none)',
  ).argParser(preparationSteps)

export const languageOption = () =>
  new Option('--language <language>', 'of stop words and stems (default: auto, each text by its letters)').choices(
    PREPARATION_LANGUAGES,
  )

/** @throws where `text` names no size of an encoder */
export async function checkSize(option: string, text: string, orElse = ''): Promise<void> {
  const { encoderSize } = await import('../model/preset.ts')
  if (encoderSize(text)) return
  const names = Object.keys(PRESETS).join(', ')
  throw new UsageError(
    `${option} ${text}: expected layers x width with a width divisible by 32, such as 2x128, ${orElse === '' ? 'or ' : ''}one of ${names}${orElse}`,
  )
}
