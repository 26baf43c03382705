import { describe, expect, it } from 'vitest'
import type { Op, Program } from '../program/program.ts'
import type { LeafWeight } from '../program/weights.ts'
import type { Lowered } from './lowered.ts'
import { encoder } from '../testing/encoder.ts'
import { seededRandom } from '../testing/random.ts'
import { randomWeight } from '../testing/weights.ts'
import { assignBlocked } from './layouts.ts'

/** Which ops write token blocks, as kind or output buffer's name of linears. */
function blockedOf({ ops, buffers, output }: Program): string[] {
  const lowered = ops.map((op): Lowered => ({
    takesBlocks: op.kind === 'linear' && op.weight.kind !== 'f32',
    needs: () => ({}),
    encode: () => {},
  }))
  const blocked = assignBlocked(ops, output, lowered)
  return ops.flatMap((op, at) => (blocked[at] ? [`${op.kind} ${buffers[op.output].name}`] : []))
}

/** One layer, its linears sparse but for those whose output is named. */
function layer(...dense: string[]): Program {
  const program = encoder(1, 16, 2, 'csr')
  const random = seededRandom(1)
  const ops = program.ops.map((op): Op => {
    if (op.kind !== 'linear' || !dense.includes(program.buffers[op.output].name)) return op
    const weight: LeafWeight = randomWeight('f32', op.weight.N, op.weight.K, random)
    return { ...op, weight }
  })
  return { ...program, ops }
}

describe('layouts of a whole encoder', () => {
  it('are blocks but around attention where all layers are sparse', () => {
    expect(blockedOf(layer())).toEqual([
      'linear projected',
      'layernorm wide',
      'linear middle',
      'linear projected',
      'layernorm x',
      'linear pooled',
    ])
  })
  it('are rows where all layers are dense', () => {
    expect(blockedOf(layer('query', 'key', 'value', 'projected', 'middle', 'pooled', 'logits'))).toEqual([])
  })
  it('are blocks between the feed-forward layers alone where a dense layer reads the residual stream', () => {
    // x is read by a dense query only in a second layer
    const two = encoder(2, 16, 2, 'csr')
    const query = two.ops.filter((op) => op.kind === 'linear' && two.buffers[op.output].name === 'query')[1]
    const dense = { ...query, weight: randomWeight('f32', 16, 16, seededRandom(1)) } as Op
    const ops = two.ops.map((op) => (op === query ? dense : op))
    expect(blockedOf({ ...two, ops }).slice(0, 1)).toEqual(['linear middle'])
  })
  it('are rows around a dense layer; the next LayerNorm has the residual turned', () => {
    expect(blockedOf(layer('middle'))).toEqual(['linear projected', 'layernorm x', 'linear pooled'])
  })
})
