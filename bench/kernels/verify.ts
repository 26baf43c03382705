// Verify, then time: a case whose output is off is not timed at all.

import { referenceWithBounds } from '../../kernels/reference.ts'
import type { Precision } from '../../kernels/webgpu/device.ts'
import type { Session } from '../../kernels/program/device.ts'
import { F32_ROUNDOFF } from '../../kernels/program/contract.ts'
import { assertWithin } from '../../kernels/testing/compare.ts'
import type { KernelCase } from './cases.ts'

export interface Expected {
  values: Float64Array
  bounds: Float64Array
}

/** Largest error of a chain, as a share of the RMS of its output. */
const CHAIN_TOLERANCE = 1e-4

/** Of dense f32 layers in less than f32, as a share of their RMS: several times what rounding comes to. */
const ROUNDED: Record<Precision, number> = { f32: 0, 'f16-weights': 2e-3, f16: 1e-2 }

/** What a device of that precision may be off. */
export function allowedAt(precision: Precision, { program }: KernelCase, { values, bounds }: Expected): Expected {
  if (precision === 'f32' || !program.ops.some((op) => op.kind === 'linear' && op.weight.kind === 'f32'))
    return { values, bounds }
  const rms = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)
  return { values, bounds: bounds.map((bound) => Math.max(bound, ROUNDED[precision] * rms)) }
}

/** Reference and bounds of a case. In a chain the first factor's error comes through the second one's weights. */
export function expectedOf({ program, batch }: KernelCase): Expected {
  const { values, bounds } = referenceWithBounds(program, batch)
  if (program.ops.length === 1) return { values, bounds }
  const [first, second] = program.ops
  if (program.ops.length !== 2 || first.kind !== 'linear' || second.kind !== 'linear' || second.weight.kind !== 'f32')
    throw new Error('bench: only chains of two f32 factors have a bound here')
  const middle = referenceWithBounds({ ...program, ops: [first], output: first.output }, batch)
  const { N, K, data } = second.weight
  const M = values.length / N
  for (let m = 0; m < M; m++)
    for (let n = 0; n < N; n++) {
      let carried = 0
      for (let k = 0; k < K; k++) carried += middle.bounds[m * K + k] * Math.abs(data[n * K + k])
      bounds[m * N + n] += carried * (1 + K * F32_ROUNDOFF)
    }
  // Worst cases of two long sums on each other are far from what can happen: hold it to a share of the outputs' size.
  const rms = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)
  bounds.forEach((bound, i) => (bounds[i] = Math.min(bound, CHAIN_TOLERANCE * rms)))
  return { values, bounds }
}

/** Runs the case once and returns its largest absolute error; throws where an element is out of its bound. */
export async function verify(session: Session, kernel: KernelCase, expected: Expected, label: string): Promise<number> {
  return assertExpected(await session.run(kernel.batch), expected, label)
}

/** The largest absolute error; throws where an element is out of its bound. */
export function assertExpected(actual: Float32Array, expected: Expected, label: string): number {
  assertWithin(actual, expected.values, expected.bounds, label)
  return actual.reduce((worst, value, i) => Math.max(worst, Math.abs(value - expected.values[i])), 0)
}
