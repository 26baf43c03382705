// Options of one linear layer on its own, as callers give them.

import { ACTIVATION_SLOPE } from './activations.ts'
import { checkArray } from './weights.ts'

/**
 * Checks bias and activation, and that there is no other option.
 * @param name of the call, for the message
 * @param known names of all options
 * @throws TypeError where an option is not known or of another kind, RangeError where the bias has another length
 */
export function checkLinearOptions(name: string, options: object, known: readonly string[], N: number): void {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(`${name}: the options are ${String(options)}, expected an object with ${known.join(', ')}`)
  const unknown = Object.keys(options).find((key) => !known.includes(key))
  if (unknown !== undefined)
    throw new TypeError(`${name}: option '${unknown}' is not known; expected ${known.join(', ')}`)
  const { bias, activation } = options as { bias?: unknown; activation?: unknown }
  if (activation !== undefined && !(typeof activation === 'string' && Object.hasOwn(ACTIVATION_SLOPE, activation)))
    throw new TypeError(
      `${name}: activation '${String(activation)}' is not known; expected one of ${Object.keys(ACTIVATION_SLOPE).join(', ')}`,
    )
  if (bias === undefined || bias === null) return
  checkArray(bias, Float32Array, `${name}: the bias`)
  if (bias.length !== N) throw new RangeError(`${name}: the bias has ${bias.length} elements, expected N = ${N}`)
}
