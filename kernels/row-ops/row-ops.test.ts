import { describe, it } from 'vitest'
import type { Op } from '../program/program.ts'
import { ALL_DEVICES, type TestDevice } from '../testing/devices.ts'
import { checkProgram } from '../testing/program.ts'
import { seededRandom, uniform } from '../testing/random.ts'
import { deviceOf } from '../testing/suite.ts'

const WIDTHS = [1, 2, 3, 4, 5, 7, 8, 9, 37, 64, 127, 128, 384, 768, 1000]
const OFFSETS = Int32Array.of(0, 1, 6, 13)
const M = 13

async function sweepRows(
  device: TestDevice,
  rows: 'tokens' | 'sequences',
  op: (C: number, random: () => number) => Op,
  input = uniform,
): Promise<void> {
  for (const C of WIDTHS) {
    const random = seededRandom(C)
    const program = {
      buffers: [
        { name: 'input', rows: 'tokens' as const, width: C, dtype: 'f32' as const },
        { name: 'output', rows, width: C, dtype: 'f32' as const },
      ],
      ops: [op(C, random)],
      input: 0,
      output: 1,
    }
    await checkProgram(await deviceOf(device), program, { offsets: OFFSETS, rows: input(M * C, random) }, `C = ${C}`)
  }
}

describe.each(ALL_DEVICES)('row-ops on $name', (device) => {
  const layernorm =
    (residual: number | null) =>
    (C: number, random: () => number): Op => ({
      kind: 'layernorm',
      input: 0,
      residual,
      output: 1,
      gamma: uniform(C, random),
      beta: uniform(C, random),
      epsilon: 1e-12,
    })
  it('layernorm', () =>
    sweepRows(device, 'tokens', (C, random) => ({ ...layernorm(null)(C, random), epsilon: 1e-5 }) as Op))
  it('layernorm of input + residual', () =>
    sweepRows(device, 'tokens', (C, random) => ({ ...layernorm(0)(C, random), epsilon: 1e-5 }) as Op))
  it('first-token', () => sweepRows(device, 'sequences', () => ({ kind: 'first-token', input: 0, output: 1 })))
  it('mean-pool', () =>
    sweepRows(device, 'sequences', () => ({ kind: 'mean-pool', input: 0, output: 1, normalize: false })))
  it('mean-pool with normalisation', () =>
    sweepRows(device, 'sequences', () => ({ kind: 'mean-pool', input: 0, output: 1, normalize: true })))
})
