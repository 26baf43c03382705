import { describe, expect, it } from 'vitest'
import { assertExact, assertWithin } from '../testing/compare.ts'
import {
  CHAINED,
  DISTANT,
  matched,
  SHARED,
  syntheticBatch,
  syntheticParameters,
  UNEVEN,
} from '../testing/train-models.ts'
import { BUILDS, goalOf, largest, openSession } from '../testing/train-sessions.ts'
import type { TrainBatch } from './batch.ts'
import { ReferenceRounding, type FakeQuantize } from './fake-quantize.ts'
import { layoutOf, tensorOf, type Layout, type TrainShape } from './layout.ts'
import { referenceStep, type ReferenceParameters } from './reference.ts'

const MATCHED = matched(UNEVEN)

/** A model and batch in which no activation is so near a tie that f32 may round it otherwise than float64. */
function awayFromTies(
  layout: Layout,
  lengths: number[],
  fake: FakeQuantize,
): { parameters: ReferenceParameters; batch: TrainBatch } {
  const goal = goalOf({ shape: layout.shape, lengths, hasTeacher: true, hasTerms: true })
  for (let seed = 1; seed < 40; seed++) {
    const [parameters, batch] = [syntheticParameters(layout, seed), syntheticBatch(layout.shape, lengths, seed)]
    const rounding = new ReferenceRounding(fake)
    referenceStep(layout, parameters, batch, goal, null, rounding)
    // in steps: 127 times the relative error of activations, which is a few times 2^-24 per layer of arithmetic
    if (rounding.tieDistance > 127 * 4e-6) return { parameters, batch }
  }
  throw new Error('no seed keeps its activations away from ties')
}

describe.each(BUILDS)('fake quantization on $name', (build) => {
  it.each<{ what: string; shape: TrainShape; fake: FakeQuantize }>([
    { what: 'linears', shape: MATCHED, fake: { linears: true } },
    { what: 'word rows', shape: MATCHED, fake: { linears: false, embeddings: true } },
    { what: 'linears and word rows', shape: MATCHED, fake: { linears: true, embeddings: true } },
    { what: 'chains, factor by factor', shape: matched(CHAINED), fake: { linears: true } },
    { what: 'shared layers after narrow tables', shape: SHARED, fake: { linears: true, embeddings: true } },
    { what: 'a bias by distance', shape: matched(DISTANT), fake: { linears: true, embeddings: true } },
  ])('computes with rounded operands and passes gradients straight through: $what', async ({ what, shape, fake }) => {
    const layout = layoutOf(shape)
    const lengths = [3, 2]
    const { parameters, batch } = awayFromTies(layout, lengths, fake)
    const goal = goalOf({ shape, lengths, hasTeacher: true, hasTerms: true })
    const expected = referenceStep(layout, parameters, batch, goal, null, new ReferenceRounding(fake))
    const plain = referenceStep(layout, parameters, batch, goal)
    const session = await openSession(layout, parameters, { ...build, fakeQuantize: fake })
    try {
      const { logits } = await session.step(batch, goal, null, null)
      const { words, rest } = session.gradients()
      const compare = (actual: Float32Array, wanted: Float64Array, name: string): void => {
        assertWithin(actual, wanted, 1e-5 * largest(wanted), `${what}, ${build.name}: ${name}`)
      }
      compare(logits, expected.logits, 'logits')
      // rounding is there to be seen: it moves the logits far beyond that bound
      expect(largest(plain.logits.map((z, i) => z - expected.logits[i]))).toBeGreaterThan(1e-4)
      compare(words, expected.gradients.words, 'words')
      for (const tensor of layout.places.keys()) {
        const [found, wanted] = [tensorOf(layout, rest, tensor), tensorOf(layout, expected.gradients.rest, tensor)]
        // what all keys have in common changes no softmax: this slope is 0, and what is found is rounding of its terms
        if (tensor.endsWith('key.bias'))
          expect(largest(found), tensor).toBeLessThan(1e-5 * largest(expected.gradients.rest))
        else compare(found, wanted, tensor)
      }
      assertExact(await session.forward(batch), logits, 'forward alone')
      expect(session.damage()).toEqual([])
    } finally {
      await session.dispose()
    }
  })
})
