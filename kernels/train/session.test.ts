// What a session holds between steps: gradients for one update, its whole state, masks that are replaced; and steps
// that are timed record by record or drop activations.

import { describe, expect, it } from 'vitest'
import { assertExact, assertWithin } from '../testing/compare.ts'
import {
  CHAINED,
  matched,
  syntheticBatch,
  syntheticGoal,
  syntheticParameters,
  UNEVEN,
} from '../testing/train-models.ts'
import { ADAM, BUILDS, goalOf, largest, openSession } from '../testing/train-sessions.ts'
import type { LossTarget, TrainBatch } from './batch.ts'
import { layoutOf } from './layout.ts'
import { LAYERNORM_FORWARD } from '../wasm/abi.ts'
import type { Parameters, SessionState, TrainSession } from './session.ts'

const LENGTHS = [5, 1, 13, 8, 2, 13, 7]
const LABELS = UNEVEN.labels
const layout = layoutOf(UNEVEN)

const open = (threads = 1): Promise<TrainSession> => openSession(layout, syntheticParameters(layout, 1), { threads })

/** Sequences `from` to `to` of a batch. */
function part(batch: TrainBatch, goal: LossTarget, from: number, to: number): { batch: TrainBatch; goal: LossTarget } {
  const { offsets, ids, types } = batch
  const cut = <T extends Float32Array | Int32Array>(all: T, width: number): T =>
    all.slice(from * width, to * width) as T
  return {
    batch: {
      offsets: offsets.slice(from, to + 1).map((offset) => offset - offsets[from]),
      ids: ids.slice(offsets[from], offsets[to]),
      ...(types && { types: types.slice(offsets[from], offsets[to]) }),
    },
    goal: { ...goal, target: cut(goal.target, LABELS), teacher: goal.teacher && cut(goal.teacher, LABELS) },
  }
}

const batch = syntheticBatch(UNEVEN, LENGTHS, 2)
const goal = syntheticGoal(LABELS, LENGTHS.length, 3, true)

/** An update from micro-batches that end at `ends`. */
async function accumulated(session: TrainSession, ends: number[]): Promise<number> {
  let from = 0
  for (const to of ends) {
    const micro = part(batch, goal, from, to)
    await session.accumulate(micro.batch, micro.goal, null, (to - from) / LENGTHS.length)
    from = to
  }
  return session.update(ADAM)
}

describe('gradients held for one update', () => {
  it('add up to those of one large batch within rounding', async () => {
    const [whole, parts] = [await open(), await open()]
    const { norm } = await whole.step(batch, goal, null, ADAM)
    const sumNorm = await accumulated(parts, [3, 4, 7])
    expect(Math.abs(sumNorm / norm - 1)).toBeLessThan(1e-5)
    const [expected, found] = [whole.gradients(), parts.gradients()]
    for (const name of ['words', 'rest'] as const) {
      // as kernels/train/train.test.ts bounds gradients: each of the two sums is off by no more
      assertWithin(found[name], Float64Array.from(expected[name]), 2e-5 * largest(expected[name]), name)
    }
    expect(parts.damage()).toEqual([])
    await whole.dispose()
    await parts.dispose()
  })

  it('give the same bits on any number of threads, and none is left over', async () => {
    const found: Parameters[] = []
    for (const threads of [1, 2]) {
      const session = await open(threads)
      for (let t = 0; t < 2; t++) await accumulated(session, [2, 7])
      found.push(session.parameters())
      await expect(session.update(ADAM)).rejects.toThrow('call accumulate before update')
      await session.dispose()
    }
    expect(found[1]).toEqual(found[0])
  })

  it('of one batch make the same update as a step', async () => {
    const [whole, parts] = [await open(), await open()]
    for (let t = 0; t < 3; t++) {
      await whole.step(batch, goal, null, ADAM)
      await accumulated(parts, [LENGTHS.length])
    }
    expect(parts.parameters()).toEqual(whole.parameters())
    await whole.dispose()
    await parts.dispose()
  })
})

describe('gradients', () => {
  it('stay those of the last step when other batches are run forward', async () => {
    const session = await open()
    expect(() => session.gradients()).toThrow('there are no gradients yet')
    await session.step(batch, goal, null, null)
    const expected = session.gradients()
    await session.forward(syntheticBatch(UNEVEN, [4, 9], 8))
    await session.hiddenStates(syntheticBatch(UNEVEN, [13, 13, 13, 13, 13], 9), [1])
    expect(session.gradients()).toEqual(expected)
    await session.dispose()
  })
})

describe('saliency', () => {
  it('is each parameter times the root of its second moment, 0 before the first step', async () => {
    const session = await open()
    expect(session.saliency().every((x) => x === 0)).toBe(true)
    await session.step(batch, goal, null, ADAM)
    const { parameters, secondMoments } = session.state()
    expect(session.saliency()).toEqual(parameters.rest.map((w, i) => w * Math.sqrt(secondMoments.rest[i])))
    await session.dispose()
  })
})

describe('state', () => {
  it('goes on with the same bits in another session', async () => {
    const [first, second] = [await open(), await open(2)]
    const step = (session: TrainSession, seed: number): Promise<unknown> =>
      session.step(syntheticBatch(UNEVEN, [5, 6], seed), syntheticGoal(LABELS, 2, seed, false), null, ADAM)
    for (let t = 0; t < 3; t++) await step(first, t)
    const state = first.state()
    second.restore(state)
    expect(second.state()).toEqual(state)
    for (const session of [first, second]) for (let t = 3; t < 6; t++) await step(session, t)
    expect(second.parameters()).toEqual(first.parameters())
    // what was held for an update goes with the state that is replaced
    await first.accumulate(batch, goal, null, 1)
    first.restore(state)
    await expect(first.update(ADAM)).rejects.toThrow('call accumulate before update')
    // parameters alone are not enough: the moments decide too
    first.restore(second.state())
    const third = await open()
    third.setParameters(state.parameters)
    for (let t = 3; t < 6; t++) await step(third, t)
    expect(third.parameters()).not.toEqual(first.parameters())
    expect(() =>
      third.restore({ ...state, firstMoments: { words: new Float32Array(1), rest: new Float32Array(1) } }),
    ).toThrow('1 and 1 parameters, expected')
    for (const session of [first, second, third]) await session.dispose()
  })
})

describe('masks', () => {
  it('keeps masked weights at zero and learns without them', async () => {
    const layout = layoutOf(UNEVEN)
    const session = await openSession(layout, syntheticParameters(layout, 1), { threads: 2 })
    const { offset, rows, columns } = layout.places.get('layer.0.qkv.weight')!
    const mask = Uint8Array.from({ length: rows * columns }, (_, i) => (i % 3 === 0 ? 0 : 1))
    session.setMasks([{ offset, mask }])
    for (let t = 0; t < 3; t++)
      await session.step(syntheticBatch(UNEVEN, [5, 6], t), syntheticGoal(3, 2, t, false), null, ADAM)
    const weights = session.parameters().rest.subarray(offset, offset + mask.length)
    expect(weights.every((w, i) => (w === 0) === (mask[i] === 0))).toBe(true)
    expect(session.damage()).toEqual([])
    await session.dispose()
  })

  it('take the place of those before them, and clear moments', async () => {
    const session = await open()
    const { offset, rows, columns } = layout.places.get('layer.0.qkv.weight')!
    const length = rows * columns
    const every = (n: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i % n === 0 ? 0 : 1))
    const weights = (): Float32Array => session.parameters().rest.subarray(offset, offset + length)
    const step = async (seed: number): Promise<void> => {
      await session.step(syntheticBatch(UNEVEN, [5, 6], seed), syntheticGoal(LABELS, 2, seed, false), null, ADAM)
    }
    await step(1)
    session.setMasks([{ offset, mask: every(3) }])
    const { firstMoments, secondMoments } = session.state()
    for (const { rest } of [firstMoments, secondMoments])
      expect(rest.subarray(offset, offset + length).every((x, i) => i % 3 !== 0 || x === 0)).toBe(true)
    await step(2)
    session.setMasks([{ offset, mask: every(2) }])
    // elements 3, 9, ... are free again and start from 0
    expect(weights()[3]).toBe(0)
    await step(3)
    expect(weights().every((w, i) => (w === 0) === (i % 2 === 0))).toBe(true)
    session.setMasks([])
    await step(4)
    expect(weights().every((w) => w !== 0)).toBe(true)
    expect(session.damage()).toEqual([])
    await session.dispose()
  })
})

describe('a step', () => {
  it('does record by record what a step does', async () => {
    const layout = layoutOf(CHAINED)
    const [batch, goal] = [syntheticBatch(CHAINED, [5, 13], 2), syntheticGoal(3, 2, 3, false)]
    const session = await openSession(layout, syntheticParameters(layout, 1), { threads: 2 })
    const other = await openSession(layout, syntheticParameters(layout, 1), { threads: 2 })
    await session.step(batch, goal, null, ADAM)
    const records = await other.profile(batch, goal, null, ADAM)
    assertExact(other.parameters().rest, session.parameters().rest, 'parameters')
    expect(records.filter(({ opcode }) => opcode === LAYERNORM_FORWARD.opcode)).toHaveLength(5)
    expect(records.every(({ ms }) => ms >= 0)).toBe(true)
    expect(other.damage()).toEqual([])
    await Promise.all([session.dispose(), other.dispose()])
  })

  it('drops the share it is told to, differently at every step', async () => {
    const layout = layoutOf(UNEVEN)
    const session = await openSession(layout, syntheticParameters(layout, 1), { threads: 1 })
    const batch = syntheticBatch(UNEVEN, [5, 6], 1)
    const goal = syntheticGoal(3, 2, 1, false)
    const logits = async (seed: number): Promise<Float32Array> =>
      (await session.step(batch, goal, { rate: 0.1, seed }, null)).logits
    const first = await logits(1)
    expect(await logits(1)).toEqual(first)
    expect(await logits(2)).not.toEqual(first)
    const plain = await session.forward(batch)
    expect((await session.step(batch, goal, { rate: 0, seed: 1 }, null)).logits).toEqual(plain)
    await session.dispose()
  })
})

describe.each(BUILDS)('rounded chains with hidden states, dropout and masks together, on $name', (build) => {
  const shape = matched(CHAINED)
  const placed = layoutOf(shape)
  const { offset, rows, columns } = placed.places.get('factor.7')!
  const mask = Uint8Array.from({ length: rows * columns }, (_, i) => (i % 3 === 0 ? 0 : 1))
  const parts = [
    { lengths: [5, 1, 13], dropout: { rate: 0.2, seed: 5 }, share: 3 / 5 },
    { lengths: [8, 2], dropout: { rate: 0.2, seed: 6 }, share: 2 / 5 },
  ].map(({ lengths, ...part }) => ({
    ...part,
    batch: syntheticBatch(shape, lengths, lengths.length),
    goal: goalOf({ shape, lengths, hasTeacher: true, hasTerms: true }),
  }))
  const [first, second] = parts
  const openMasked = async (): Promise<TrainSession> => {
    const fakeQuantize = { linears: true, embeddings: true }
    const session = await openSession(placed, syntheticParameters(placed, 1), { ...build, fakeQuantize })
    session.setMasks([{ offset, mask }])
    return session
  }
  const expectSame = (found: SessionState, wanted: SessionState): void => {
    for (const kind of ['parameters', 'firstMoments', 'secondMoments'] as const) {
      assertExact(found[kind].rest, wanted[kind].rest, kind)
      assertExact(found[kind].words, wanted[kind].words, `${kind} of words`)
    }
  }

  it('step, one batch held and records one by one make the same update', async () => {
    const [stepped, held, timed] = await Promise.all([openMasked(), openMasked(), openMasked()])
    for (const { batch, goal, dropout } of parts) {
      const found = await stepped.step(batch, goal, dropout, ADAM)
      const other = await held.accumulate(batch, goal, dropout, 1)
      expect(await held.update(ADAM)).toBe(found.norm)
      await timed.profile(batch, goal, dropout, ADAM)
      expect(found.stateLoss).toBeGreaterThan(0)
      expect(other.stateLoss).toBe(found.stateLoss)
      assertExact(other.logits, found.logits, 'logits')
    }
    expectSame(held.state(), stepped.state())
    expectSame(timed.state(), stepped.state())
    const factor = stepped.parameters().rest.subarray(offset, offset + mask.length)
    expect(factor.every((w, i) => (w === 0) === (mask[i] === 0))).toBe(true)
    for (const session of [stepped, held, timed]) {
      expect(session.damage()).toEqual([])
      await session.dispose()
    }
  })

  it('several batches held add up to their shares of each', async () => {
    const [single, held] = await Promise.all([openMasked(), openMasked()])
    const gradientsOf = async ({ batch, goal, dropout }: (typeof parts)[0]): Promise<Parameters> => {
      await single.step(batch, goal, dropout, null)
      return single.gradients()
    }
    const [a, b] = [await gradientsOf(first), await gradientsOf(second)]
    for (const { batch, goal, dropout, share } of parts) await held.accumulate(batch, goal, dropout, share)
    await held.update(ADAM)
    const found = held.gradients()
    // a masked weight's gradient goes when the update begins
    for (const { rest } of [a, b]) for (let i = 0; i < mask.length; i++) if (mask[i] === 0) rest[offset + i] = 0
    for (const kind of ['words', 'rest'] as const) {
      const wanted = Float64Array.from(a[kind], (x, i) => first.share * x + second.share * b[kind][i])
      // two roundings to f32 of numbers no larger than the largest
      assertWithin(found[kind], wanted, 2 ** -23 * largest(wanted), kind)
    }
    expect(held.damage()).toEqual([])
    await Promise.all([single.dispose(), held.dispose()])
  })
})
