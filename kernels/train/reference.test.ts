import { describe, expect, it } from 'vitest'
import { erf } from '../program/activations.ts'
import { assertWithin } from '../testing/compare.ts'
import { seededRandom } from '../testing/random.ts'
import { jaxStep } from '../testing/train-jax.ts'
import { layoutOf, tableWidthOf, tensorOf, type TrainShape } from './layout.ts'
import { referenceStep, type ReferenceParameters } from './reference.ts'
import {
  ACTIVATED,
  CHAINED,
  embedding,
  FAMILIES,
  matched,
  syntheticBatch,
  syntheticGoal,
  syntheticParameters,
  UNEVEN,
  vectorGoal,
  withoutLabel,
  withTeacherTerms,
} from '../testing/train-models.ts'
import { largest } from '../testing/train-sessions.ts'
import type { LossTarget } from './batch.ts'
import { ReferenceRounding, type FakeQuantize } from './fake-quantize.ts'

const lengths = [5, 1, 3]
const batch = syntheticBatch(UNEVEN, lengths, 2)

const plain = (hasTeacher: boolean): LossTarget => syntheticGoal(UNEVEN.labels, lengths.length, 3, hasTeacher)
const shapeWithMatches = matched(UNEVEN)
const tokens = batch.ids.length
const allTerms = withTeacherTerms(plain(true), shapeWithMatches, tokens, 4)

/** No cross-entropy and no teacher's softmax: what is added to it is alone. */
const none: LossTarget = { ...plain(false), target: new Float32Array(lengths.length * UNEVEN.labels) }
const teacherTerms = withTeacherTerms(none, shapeWithMatches, tokens, 4)

interface Case {
  what: string
  shape: TrainShape
  goal: LossTarget
  rate?: number
  fake?: FakeQuantize
}

/** Every term of the loss alone, then all of them, the second sequence without a label. */
const GOALS: Case[] = [
  { what: 'cross-entropy', shape: UNEVEN, goal: plain(false) },
  { what: 'divergence', shape: UNEVEN, goal: { ...plain(true), alpha: 0 } },
  { what: 'distillation', shape: UNEVEN, goal: plain(true) },
  { what: 'squared logits', shape: UNEVEN, goal: { ...none, logitMse: teacherTerms.logitMse } },
  { what: 'hidden states', shape: shapeWithMatches, goal: { ...none, states: teacherTerms.states } },
  ...(['sigmoid', 'identity'] as const).map((link) => ({
    what: `${link} and a teacher`,
    shape: UNEVEN,
    goal: syntheticGoal(UNEVEN.labels, lengths.length, 3, true, link),
  })),
  { what: 'all terms', shape: shapeWithMatches, goal: withoutLabel(allTerms, UNEVEN.labels, 1) },
  { what: 'chains and shared factors', shape: CHAINED, goal: plain(false) },
  ...[embedding(UNEVEN), embedding(matched(UNEVEN), 12)].map((shape) => ({
    what: shape.matches ? 'projected vectors and hidden states' : 'vectors',
    shape,
    goal: vectorGoal(shape, lengths, 3),
  })),
  ...FAMILIES.map(({ what, shape }) => ({ what, shape, goal: plain(false) })),
]
const FAKE: FakeQuantize = { linears: true, embeddings: true }
const DIFFERENCES: Case[] = [
  ...GOALS,
  ...ACTIVATED.map((shape) => ({
    what: `${shape.activation} and ${shape.poolerActivation} after the pooler`,
    shape,
    goal: plain(false),
  })),
  { what: 'cross-entropy and dropout', shape: UNEVEN, goal: plain(false), rate: 0.2 },
  { what: 'rounded operands, the rounding frozen', shape: UNEVEN, goal: plain(false), fake: FAKE },
  { what: 'all terms on rounded operands', shape: shapeWithMatches, goal: allTerms, rate: 0.1, fake: FAKE },
  { what: 'all terms on rounded chains', shape: matched(CHAINED), goal: allTerms, fake: FAKE },
]

describe('the float64 training step', () => {
  it('has an erf that agrees with published values', () => {
    // Abramowitz and Stegun, table 7.1
    const table: [number, number][] = [
      [0, 0],
      [0.5, 0.5204998778130465],
      [1, 0.8427007929497149],
      [2, 0.9953222650189527],
      [3.5, 0.9999992569016276],
      [-1, -0.8427007929497149],
    ]
    for (const [x, expected] of table) expect(Math.abs(erf(x) - expected)).toBeLessThan(1e-14)
  })

  for (const { what, shape, goal, rate = 0, fake = { linears: false } } of DIFFERENCES)
    it(`has the gradients of central differences: ${what}`, () => {
      const layout = layoutOf(shape)
      const dropout = rate > 0 ? { rate, seed: 5 } : null
      const parameters = syntheticParameters(layout, 1)
      const rounding = new ReferenceRounding(fake)
      const { gradients } = referenceStep(layout, parameters, batch, goal, dropout, rounding)
      // truncation: h^2 / 6 times a third derivative, rounding: 2^-52 / h; both near 1e-9 of the largest slope at h = 1e-5
      const h = 1e-5
      // a teacher's row is f32: it adds up to 1 within 6e-8, and the slope takes it for exactly 1
      const least = goal.teacher ? 6e-8 : 1e-10
      const difference = (vector: keyof ReferenceParameters, i: number): number => {
        const losses = [h, -h].map((step) => {
          const moved = { ...parameters, [vector]: parameters[vector].slice() }
          moved[vector][i] += step
          const frozen = new ReferenceRounding(fake, rounding.residuals)
          return referenceStep(layout, moved, batch, goal, dropout, frozen).loss
        })
        return (losses[0] - losses[1]) / (2 * h)
      }
      const random = seededRandom(11)
      for (const [name, { offset, rows, columns }] of layout.places) {
        const slope = tensorOf(layout, gradients.rest, name)
        for (let n = 0; n < 4; n++) {
          const i = Math.floor(random() * rows * columns)
          const found = difference('rest', offset + i)
          expect(Math.abs(found - slope[i]), `${name}[${i}]`).toBeLessThan(1e-7 * largest(slope) + least)
        }
      }
      for (let n = 0; n < 8; n++) {
        const i = batch.ids[n] * tableWidthOf(shape) + n
        const found = difference('words', i)
        expect(Math.abs(found - gradients.words[i]), `words[${i}]`).toBeLessThan(
          1e-7 * largest(gradients.words) + least,
        )
      }
    })

  for (const { what, shape, goal } of GOALS)
    it(`has the gradients of jax-js: ${what}`, async () => {
      const layout = layoutOf(shape)
      const parameters = syntheticParameters(layout, 1)
      const ours = referenceStep(layout, parameters, batch, goal)
      const theirs = await jaxStep(layout, parameters, batch, goal)
      // f32 targets and jax-js's erfc, relative to the loss
      expect(Math.abs(ours.loss - theirs.loss)).toBeLessThan(1e-6 * Math.max(1, ours.loss))
      // jax-js computes erfc by a formula whose error is 1.5e-7: of each tensor's largest slope, a few times that
      const compare = (actual: Float64Array, expected: Float64Array, name: string): void => {
        assertWithin(actual, expected, 1e-6 * largest(expected), `${name} against jax-js`)
      }
      compare(ours.gradients.words, theirs.gradients.words, 'words')
      for (const name of layout.places.keys()) {
        const slope = tensorOf(layout, ours.gradients.rest, name)
        // a key's bias adds the same to all scores of a query, which softmax does not see
        if (name.endsWith('key.bias')) expect(largest(slope)).toBeLessThan(1e-14)
        else compare(slope, tensorOf(layout, theirs.gradients.rest, name), name)
      }
    })
})
