// What a kernel call must be given, the same on every backend. Typed arrays of another kind and unknown names would be
// read as other numbers, on each backend as different ones.

import { checkLinearOptions } from '../../kernels/program/check-options.ts'
import type { Int8Rows } from '../../kernels/program/device.ts'
import { checkArray, findBadScale, isInt8, type LinearWeight } from '../../kernels/program/weights.ts'
import type { Activation } from '../../kernels/program/program.ts'

/** s8 rows with one f32 scale each: value = scale * q. */
export type QuantizedInput = Int8Rows

export interface LinearOptions {
  /** f32 [N] */
  bias?: Float32Array
  /** applied after the bias; 'none' if not given. gelu is the one by erf */
  activation?: Activation
}

const OPTIONS: readonly string[] = ['bias', 'activation'] satisfies (keyof LinearOptions)[]

/**
 * Checks a call's weight kind, input and options.
 * @param name of the call
 * @returns M, the rows of the input
 * @throws TypeError where an argument is of another kind, RangeError where a length or a number is not right
 */
export function checkCall(
  name: string,
  kinds: LinearWeight['kind'][],
  input: Float32Array | QuantizedInput,
  weight: LinearWeight,
  options: LinearOptions,
): number {
  if (typeof weight !== 'object' || weight === null || !kinds.includes(weight.kind))
    throw new TypeError(
      `${name}: the weight is of kind '${String((weight as LinearWeight | null | undefined)?.kind)}', expected ${kinds.join(' or ')}`,
    )
  checkLinearOptions(name, options, OPTIONS, weight.N)
  const { K } = weight
  const isRows = isQuantized(input)
  const values = isRows ? input.data : input
  checkArray(values, isRows ? Int8Array : Float32Array, `${name}: the input${isRows ? "'s data" : ''}`)
  if (isRows && !isInt8(weight))
    throw new TypeError(`${name}: s8 rows need an int8 weight, this one is '${weight.kind}'; give f32 rows`)
  const M = values.length / K
  if (!Number.isInteger(M))
    throw new RangeError(`${name}: the input has ${values.length} elements, expected a multiple of K = ${K}`)
  if (isRows) checkQuantized(name, input, M)
  else if (isInt8(weight.kind === 'chain' ? (weight.factors?.[0] ?? weight) : weight)) checkFinite(name, input, K)
  return M
}

/** Anything with a field `data`, so that a wrong array in it is named. */
const isQuantized = (input: Float32Array | QuantizedInput): input is QuantizedInput =>
  typeof input === 'object' && input !== null && !ArrayBuffer.isView(input) && 'data' in input

function checkQuantized(name: string, { data, scales }: QuantizedInput, M: number): void {
  checkArray(scales, Float32Array, `${name}: the input's scales`)
  if (scales.length !== M)
    throw new RangeError(`${name}: ${scales.length} input scales, expected one for each of ${M} rows`)
  const bad = findBadScale(scales)
  if (bad >= 0)
    throw new RangeError(`${name}: the input's scale ${bad} is ${scales[bad]}, expected a finite number from 0`)
  if (data.includes(-128)) throw new RangeError(`${name}: the input's data holds -128; s8 rows lie in [-127, 127]`)
}

/** Rows that become s8 by their largest magnitude: NaN and infinities have none that the others could be measured by. */
function checkFinite(name: string, input: Float32Array, K: number): void {
  const bits = new Uint32Array(input.buffer, input.byteOffset, input.length)
  let bad = -1
  // an exponent of all ones is what NaN and infinities have
  for (let i = bits.length - 1; i >= 0; i--) if ((bits[i] & 0x7f800000) === 0x7f800000) bad = i
  if (bad >= 0)
    throw new RangeError(
      `${name}: row ${Math.floor(bad / K)} of the input holds ${input[bad]}; rows that are quantized to int8 must be finite`,
    )
}
