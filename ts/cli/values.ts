// What options may hold. A wrong value is a usage error: the sentence says what was expected, the exit code is 2.

import { InvalidArgumentError, Option } from 'commander'

const DEVICES = ['cpu', 'gpu'] as const
export type DeviceKind = (typeof DEVICES)[number]

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

/** 'cpu', 'gpu' or 'cpu,gpu', in that order. */
export function deviceList(text: string): DeviceKind[] {
  const parts = text.split(',').map((part) => part.trim())
  const unknown = parts.find((part) => !DEVICES.includes(part as DeviceKind))
  if (unknown !== undefined || parts.length === 0) throw new InvalidArgumentError('Expected cpu, gpu or cpu,gpu.')
  return DEVICES.filter((kind) => parts.includes(kind))
}

export const deviceOption = (): Option =>
  new Option('--device <kind>', 'where to run').choices([...DEVICES]).default('cpu')

export const threadsOption = (): Option =>
  new Option('--threads <n>', 'CPU threads (default: one a core, at most 4)').argParser(wholeNumber(1, 256))

export const seedOption = (): Option =>
  new Option('--seed <n>', 'seed of every random choice').argParser(wholeNumber(0, 0xffffffff)).default(1)

export const jsonOption = (): Option => new Option('--json', 'print JSON for machines')
