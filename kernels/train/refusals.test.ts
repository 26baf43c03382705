// What training does not take, and what it says of it.

import { describe, expect, it } from 'vitest'
import { CHAINED, matched, syntheticBatch, syntheticParameters, UNEVEN } from '../testing/train-models.ts'
import { goalOf, openSession } from '../testing/train-sessions.ts'
import type { LossTarget } from './batch.ts'
import { layoutOf, type TrainShape } from './layout.ts'

const MATCHED = matched(UNEVEN)

describe('training refuses', () => {
  it('chains whose factors do not meet, and factors of no chain', () => {
    const change = (chains: TrainShape['layers'][0]['chains'], factors = CHAINED.factors): TrainShape => ({
      ...UNEVEN,
      layers: [{ ...UNEVEN.layers[0], chains }],
      factors,
    })
    expect(() => layoutOf(change({ query: [0, 2] }))).toThrow('factor.2 of layer.0.query takes 5 inputs')
    expect(() => layoutOf(change({ query: [0, 1] }))).toThrow('layer.0.query end in 5 outputs, expected 18')
    expect(() => layoutOf(change({ query: [0, 3] }))).toThrow('factor.1 serves no linear layer')
    expect(() => layoutOf(change({ query: [0, 99] }))).toThrow('factor.99 of layer.0.query')
  })

  it('batches that do not fit', async () => {
    const layout = layoutOf(UNEVEN)
    const session = await openSession(layout, syntheticParameters(layout, 1), { threads: 1 })
    const forward = (offsets: number[], ids: number[]): Promise<Float32Array> =>
      session.forward({ offsets: Int32Array.from(offsets), ids: Int32Array.from(ids) })
    await expect(forward([0, 1], [31])).rejects.toThrow('token id 31 is outside the vocabulary of 31')
    await expect(forward([0, 1, 1], [3])).rejects.toThrow('sequence 1 has 0 tokens')
    await expect(forward([0, 14], new Array<number>(14).fill(1))).rejects.toThrow('the model takes 1 to 13')
    await session.dispose()
    expect(() => layoutOf({ ...UNEVEN, hidden: 18 })).toThrow('no multiple of 4')
  })

  it('goals and matches that do not fit', async () => {
    const layout = layoutOf(MATCHED)
    const session = await openSession(layout, syntheticParameters(layout, 1), { threads: 1 })
    const batch = syntheticBatch(MATCHED, [2, 3], 1)
    const goal = goalOf({ shape: MATCHED, lengths: [2, 3], hasTeacher: false, hasTerms: true })
    const step = (changed: Partial<LossTarget>): Promise<unknown> =>
      session.step(batch, { ...goal, ...changed }, null, null)
    await expect(step({ states: undefined })).rejects.toThrow('0 hidden states, the model matches 3')
    await expect(step({ logitMse: { weight: 1, logits: new Float32Array(5) } })).rejects.toThrow(
      '5 numbers, expected 6',
    )
    await expect(step({ target: new Float32Array(3) })).rejects.toThrow('the target of a batch has 3')
    const [first, second, third] = goal.states!.teacher
    await expect(step({ states: { weight: 1, teacher: [first, third, second] } })).rejects.toThrow('hidden state 1')
    await session.dispose()
    const vectors = (change: Partial<TrainShape>) => (): unknown =>
      layoutOf({ ...UNEVEN, labels: 0, vectors: { width: 20, isProjected: false }, ...change })
    expect(vectors({ labels: 3 })).toThrow('this model has 3 labels')
    expect(vectors({ vectors: { width: 12, isProjected: false } })).toThrow('20 numbers are compared with 12')
    expect(vectors({ vectors: { width: 18, isProjected: true } })).toThrow('no multiple of 4')
    const match = (layer: number, width: number, isProjected: boolean) => (): unknown =>
      layoutOf({ ...UNEVEN, matches: [{ layer, width, isProjected }] })
    expect(match(3, 20, true)).toThrow('state 3; there are 0 (embeddings) to 2')
    expect(match(0, 18, true)).toThrow('no multiple of 4')
    expect(match(0, 24, false)).toThrow('compares 20 numbers with 24 without a projection')
  })
})
