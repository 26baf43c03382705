// Programs that no encoder has: what the planner may not move or merge.

import { afterAll, beforeAll, expect, it } from 'vitest'
import { assertWithin } from '../../testing/compare.ts'
import { seededRandom, uniform } from '../../testing/random.ts'
import { randomWeight } from '../../testing/weights.ts'
import type { Op, Program } from '../../program/program.ts'
import { groupChains } from './group-chains.ts'
import { foldNorms } from './fold-norms.ts'
import { runReference } from '../../reference.ts'
import { createGpuDevice, type GpuDevice } from '../device.ts'

const C = 16
const random = seededRandom(3)
const linear = (input: number, output: number, kind: 'f32' | 'int8', bias = true): Op => ({
  kind: 'linear',
  input,
  output,
  weight: randomWeight(kind, C, C, random),
  bias: bias ? uniform(C, random) : null,
  activation: 'none',
  residual: null,
})
const norm = (input: number, residual: number | null, output: number): Op => {
  const [gamma, beta] = [uniform(C, random), uniform(C, random)]
  return { kind: 'layernorm', input, residual, output, gamma, beta, epsilon: 1e-5 }
}
const programOf = (ops: Op[], output: number): Program => {
  const buffers = Array.from({ length: 6 }, (_, i) => ({
    name: `b${i}`,
    rows: 'tokens' as const,
    width: C,
    dtype: 'f32' as const,
  }))
  return { buffers, ops, input: 0, output }
}

let tiled: GpuDevice
beforeAll(async () => {
  tiled = await createGpuDevice({ kernels: 'tiled' })
})
afterAll(() => tiled.dispose())

async function check(program: Program, bound: number, what: string): Promise<void> {
  const session = await tiled.load(program, { guard: true })
  const batch = { offsets: Int32Array.of(0, 5, 12), rows: uniform(12 * C, random) }
  assertWithin(await session.run(batch), runReference(program, batch), bound, what)
  expect(await session.checkGuards()).toEqual([])
  session.dispose()
}

/** The ops that are marked. */
const folded = (program: Program): number[] =>
  foldNorms(program).ops.flatMap((op, i) => (op.kind === 'layernorm' && op.isFolded ? [i] : []))

it('an int8 layer that does a LayerNorm does not write the sums that it reads', async () => {
  const ops = [linear(0, 1, 'int8'), norm(1, 0, 2), linear(2, 3, 'int8'), norm(3, 2, 4), linear(4, 5, 'int8')]
  const program = programOf(ops, 5)
  expect(folded(program)).toEqual([1])
  await check(program, 5e-2, 'two LayerNorms with a layer between')
})

it('one of two layers that read a LayerNorm keeps to the other', async () => {
  const ops = [norm(0, null, 1), linear(1, 2, 'int8'), linear(1, 3, 'int8'), norm(3, 0, 4), linear(4, 5, 'int8')]
  const program = programOf(ops, 5)
  expect(folded(program)).toEqual([0])
  await check(program, 5e-2, 'two readers of a LayerNorm')
})

it('a chain does not run before another has written its input', async () => {
  const ops = [linear(0, 1, 'f32', false), linear(1, 0, 'f32'), linear(0, 2, 'f32', false), linear(2, 3, 'f32')]
  const program = programOf(ops, 3)
  expect(groupChains(program).ops).toEqual(ops)
  await check(program, 1e-3, 'a chain into its own input')
})
