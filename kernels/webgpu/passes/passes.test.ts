// The passes that need no device, each alone: which ops they make of small programs. What the programs compute is tested
// beside the other passes and in ../device.test.ts.

import { describe, expect, it } from 'vitest'
import type { BufferSpec } from '../../program/program.ts'
import type { LeafWeight } from '../../program/weights.ts'
import { foldNorms } from './fold-norms.ts'
import type { GpuOp, GpuProgram, LayernormOp, LinearOp } from './gpu-program.ts'
import { mergeLinears } from './merge-linears.ts'
import { placeQuantization } from './place-quantization.ts'
import { shareDispatches } from './share-dispatches.ts'

const C = 16
const weightOf = (kind: 'f32' | 'int8', activationScale?: number): LeafWeight =>
  kind === 'f32'
    ? { kind, N: C, K: C, data: new Float32Array(C * C) }
    : { kind, N: C, K: C, data: new Int8Array(C * C), scales: new Float32Array(C), activationScale }
const linear = (
  input: number,
  output: number,
  kind: 'f32' | 'int8' = 'f32',
  more: Partial<LinearOp> = {},
): LinearOp => ({
  kind: 'linear',
  input,
  output,
  weight: weightOf(kind),
  bias: null,
  activation: 'none',
  residual: null,
  ...more,
})
const norm = (input: number, output: number, residual: number | null = null): LayernormOp => {
  const ones = new Float32Array(C).fill(1)
  return { kind: 'layernorm', input, residual, output, gamma: ones, beta: ones, epsilon: 1e-5 }
}
const rows = (name: string, dtype: BufferSpec['dtype'] = 'f32'): BufferSpec => ({
  name,
  rows: 'tokens',
  width: C,
  dtype,
})
const programOf = (ops: GpuOp[], output = 5): GpuProgram => ({
  buffers: Array.from({ length: 6 }, (_, i) => rows(`b${i}`)),
  ops,
  input: 0,
  output,
})
/** Each op in short: its kind, and where it reads and writes. */
const brief = ({ ops }: GpuProgram): string[] =>
  ops.map((op) => (op.kind === 'linear' || op.kind === 'layernorm' ? `${op.kind} ${op.input}>${op.output}` : op.kind))

describe('mergeLinears', () => {
  it('makes one op of up to three layers of one input', () => {
    const merged = mergeLinears(programOf([1, 2, 3, 4].map((output) => linear(0, output))))
    expect(brief(merged)).toEqual(['linear 0>1', 'linear 0>4'])
    expect((merged.ops[0] as LinearOp).beside!.map(({ output }) => output)).toEqual([2, 3])
    expect((merged.ops[1] as LinearOp).beside).toBeUndefined()
  })
  it('leaves layers of other inputs, activations, residuals and storage formats apart', () => {
    const apart = [
      linear(0, 1),
      linear(1, 2),
      linear(1, 3, 'f32', { activation: 'tanh' }),
      linear(1, 4, 'f32', { activation: 'tanh', residual: 0 }),
      linear(1, 5, 'int8', { activation: 'tanh' }),
    ]
    expect(mergeLinears(programOf(apart)).ops).toEqual(apart)
  })
})

describe('placeQuantization', () => {
  it('quantizes an input once for all layers that read it, again once it is written', () => {
    const ops = [linear(0, 1, 'int8'), linear(0, 2, 'int8', { residual: 1 }), linear(1, 0), linear(0, 3, 'int8')]
    expect(brief(placeQuantization(programOf(ops)))).toEqual([
      'quantize',
      'linear 0>1',
      'linear 0>2',
      'linear 1>0',
      'quantize',
      'linear 0>3',
    ])
  })
  it('lets a LayerNorm write the copy that the next int8 layer wants; another scale takes an op', () => {
    const scaled = (output: number, activationScale: number): LinearOp =>
      linear(1, output, 'int8', { weight: weightOf('int8', activationScale) })
    const placed = placeQuantization(programOf([norm(0, 1), scaled(2, 0.5), scaled(3, 0.25)]))
    expect(brief(placed)).toEqual(['layernorm 0>1', 'linear 1>2', 'quantize', 'linear 1>3'])
    expect((placed.ops[0] as LayernormOp).copy).toEqual({ activationScale: 0.5 })
    const unread = placeQuantization(programOf([norm(0, 1), norm(0, 1), linear(1, 2, 'int8')]))
    expect(unread.ops.map((op) => op.kind === 'layernorm' && op.copy !== undefined)).toEqual([false, true, false])
  })
  it('refuses a layer that cannot read bytes', () => {
    const program = programOf([linear(0, 1)])
    program.buffers[0] = rows('given', 's8')
    expect(() => placeQuantization(program)).toThrow("'given' is s8, only int8 layers read it; found a f32 weight")
  })
})

describe('foldNorms', () => {
  it('has the layer before add the residual, into a buffer of sums', () => {
    const given = programOf([linear(0, 1, 'int8'), norm(1, 2, 0), linear(2, 5, 'int8')])
    const { ops, buffers } = foldNorms(given)
    expect(buffers).toHaveLength(7)
    expect(ops[0]).toMatchObject({ residual: 0, output: 6 })
    expect(ops[1]).toMatchObject({ input: 6, residual: null, output: 2, isFolded: true })
    expect(given.ops[1]).toMatchObject({ input: 1, residual: 0 })
  })
  it('leaves what other ops read, and LayerNorms before other layers', () => {
    for (const ops of [
      [linear(0, 1, 'int8'), norm(1, 2, 0), linear(2, 3, 'int8'), linear(1, 5)],
      [linear(0, 1, 'int8'), norm(1, 2, 0), linear(2, 5)],
      [norm(0, 1), linear(1, 2, 'int8'), linear(2, 3), linear(1, 5, 'int8')],
    ])
      expect(foldNorms(programOf(ops)).ops).toEqual(ops)
  })
})

describe('shareDispatches', () => {
  const shared = (ops: GpuOp[], output?: number): GpuOp[] =>
    shareDispatches(placeQuantization(mergeLinears(programOf(ops, output))), 4).ops
  it('names all readers of a quantization; each may quantize for itself', () => {
    const ops = shared([linear(0, 1, 'int8'), linear(0, 5, 'int8', { residual: 1 })])
    expect(ops.map(({ readers }) => readers)).toEqual([[1, 2], undefined, undefined])
    expect(ops.slice(1)).toMatchObject([{ includes: 'quantize' }, { includes: 'quantize' }])
  })
  it('lets an int8 layer do the LayerNorm after it where no other op reads its sums', () => {
    expect(shared([linear(0, 1, 'int8'), norm(1, 5, 2)])).toMatchObject([{}, { normalizes: true }, { writer: 1 }])
    for (const ops of [
      [linear(0, 1, 'int8'), norm(1, 2), linear(1, 5)],
      [linear(0, 1, 'int8', { activation: 'gelu' }), norm(1, 5)],
      [linear(0, 1, 'int8', { residual: 3 }), norm(1, 5, 4)],
      [linear(0, 1, 'int8'), norm(1, 0)],
      [linear(0, 1), norm(1, 5)],
    ] as GpuOp[][])
      expect(shared(ops).filter((op) => 'normalizes' in op || op.writer !== undefined)).toEqual([])
  })
  it('takes two factors in one, not the third as well, nor ranks that are read again', () => {
    const factors = [linear(0, 1), linear(1, 2), linear(2, 5)]
    expect(shared(factors)).toMatchObject([{ readers: [1] }, { includes: 'factor' }, {}])
    expect(shared(factors)[1].readers).toBeUndefined()
    expect(shared([linear(0, 1), linear(1, 2), linear(1, 3, 'f32', { residual: 2 })])[1]).not.toHaveProperty('includes')
    expect(shared([linear(0, 1), linear(1, 0)])[1]).not.toHaveProperty('includes')
    expect(shared([linear(0, 1, 'f32', { activation: 'tanh' }), linear(1, 5)])[1]).not.toHaveProperty('includes')
  })
})
