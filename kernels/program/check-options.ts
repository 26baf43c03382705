// Options of one linear layer on its own, as callers give them.

import { ACTIVATION_SLOPE } from './activations.ts'
import { checkArray } from './weights.ts'

/** The name of every option of a call, so that one that is not known can be told. */
export type OptionNames<O> = { readonly [K in keyof O]-?: true }

/**
 * @param where what takes the options, for the message
 * @throws TypeError where they are no object, or a name is none of its options: it would be left alone in silence
 */
export function checkNames<O extends object>(where: string, options: O, known: OptionNames<O>): void {
  const names = Object.keys(known).join(', ')
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new TypeError(
      `${where}: the options are ${Array.isArray(options) ? 'a list' : String(options)}, expected an object with ${names}`,
    )
  const unknown = Object.keys(options).find((key) => !Object.hasOwn(known, key))
  if (unknown !== undefined) throw new TypeError(`${where}: option '${unknown}' is not known; expected ${names}`)
}

/** @throws TypeError where a value that was given is none of those that there are */
export function checkChoice(where: string, option: string, value: unknown, known: readonly unknown[]): void {
  if (value !== undefined && !known.includes(value))
    throw new TypeError(`${where}: ${option} '${String(value)}' is not known; expected ${known.join(', ')}`)
}

/**
 * Checks bias and activation, and that there is no other option.
 * @param name of the call, for the message
 * @param known names of all options
 * @throws TypeError where an option is not known or of another kind, RangeError where the bias has another length
 */
export function checkLinearOptions(name: string, options: object, known: readonly string[], N: number): void {
  checkNames(name, options as Record<string, unknown>, Object.fromEntries(known.map((key) => [key, true])))
  const { bias, activation } = options as { bias?: unknown; activation?: unknown }
  if (activation !== undefined && !(typeof activation === 'string' && Object.hasOwn(ACTIVATION_SLOPE, activation)))
    throw new TypeError(
      `${name}: activation '${String(activation)}' is not known; expected one of ${Object.keys(ACTIVATION_SLOPE).join(', ')}`,
    )
  if (bias === undefined || bias === null) return
  checkArray(bias, Float32Array, `${name}: the bias`)
  if (bias.length !== N) throw new RangeError(`${name}: the bias has ${bias.length} elements, expected N = ${N}`)
}
