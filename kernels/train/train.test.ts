import { describe, expect, it } from 'vitest'
import { assertExact, assertWithin } from '../testing/compare.ts'
import {
  ACTIVATED,
  CHAINED,
  DISTANT,
  embedding,
  FAMILIES,
  matched,
  SHARED_CHAINS,
  syntheticBatch,
  syntheticGoal,
  syntheticParameters,
  UNEVEN,
  vectorGoal,
} from '../testing/train-models.ts'
import { ADAM, BUILDS, goalOf, largest, openSession, type GoalPlan } from '../testing/train-sessions.ts'
import { lossOf, type Dropout } from './batch.ts'
import { layoutOf, tensorOf, type Layout, type TrainShape } from './layout.ts'
import { referenceStep, type ReferenceParameters, type ReferenceResult } from './reference.ts'
import type { TrainSession } from './session.ts'

/** Rows of more than one block of 96, tokens of more than one block of 512, inputs of more than one block of 512. */
const BLOCKS: TrainShape = {
  hidden: 32,
  words: 300,
  positions: 128,
  types: 1,
  labels: 2,
  epsilon: 1e-12,
  layers: [{ heads: 2, headSize: 16, intermediate: 530 }],
}

/** BLOCKS twice with chains that the layers share, one wider than a block of inputs. */
const CHAINED_BLOCKS: TrainShape = {
  ...BLOCKS,
  layers: [0, 1].map((i) => ({
    ...BLOCKS.layers[0],
    chains: { query: [0, 1], key: [0, 2], value: [0, 1], attention: [3 + i, 5], output: [6, 7, 8] },
  })),
  factors: [
    [24, 32],
    [32, 24],
    [32, 24],
    [520, 32],
    [520, 32],
    [32, 520],
    [6, 530],
    [10, 6],
    [32, 10],
  ].map(([rows, columns]) => ({ rows, columns })),
}

interface Case extends GoalPlan {
  name: string
  dropout: Dropout | null
}

/** Teachers narrower and wider than the model, states of more than one chunk of sums. */
const MATCHED = matched(UNEVEN)
const MATCHED_BLOCKS = matched(BLOCKS, 540)

const CASES: Case[] = [
  { name: 'one token', shape: UNEVEN, lengths: [1], hasTeacher: false, dropout: null },
  { name: 'ragged', shape: UNEVEN, lengths: [5, 1, 13, 8, 2, 13, 7], hasTeacher: false, dropout: null },
  { name: 'distillation', shape: UNEVEN, lengths: [4, 9], hasTeacher: true, dropout: null },
  { name: 'dropout', shape: UNEVEN, lengths: [6, 11, 3], hasTeacher: true, dropout: { rate: 0.3, seed: 9 } },
  { name: 'several blocks', shape: BLOCKS, lengths: [128, 97, 128, 64, 33, 128], hasTeacher: false, dropout: null },
  { name: 'all terms', shape: MATCHED, lengths: [6, 11, 3], hasTeacher: true, dropout: null, hasTerms: true },
  {
    name: 'all terms and dropout',
    shape: MATCHED,
    lengths: [6, 11, 3],
    hasTeacher: false,
    dropout: { rate: 0.3, seed: 9 },
    hasTerms: true,
  },
  {
    name: 'all terms in several blocks',
    shape: MATCHED_BLOCKS,
    lengths: [128, 97, 128],
    hasTeacher: true,
    dropout: null,
    hasTerms: true,
  },
  { name: 'labels by themselves', shape: UNEVEN, lengths: [4, 9, 1], hasTeacher: true, link: 'sigmoid', dropout: null },
  {
    name: 'one number',
    shape: { ...UNEVEN, labels: 1 },
    lengths: [4, 9],
    hasTeacher: false,
    link: 'identity',
    dropout: null,
  },
  { name: 'numbers', shape: UNEVEN, lengths: [4, 9], hasTeacher: true, link: 'identity', dropout: null },
  ...ACTIVATED.map((shape) => ({
    name: `${shape.activation} and ${shape.poolerActivation}`,
    ...{ shape, lengths: [4, 9, 1], hasTeacher: false, dropout: { rate: 0.2, seed: 4 } },
  })),
  ...FAMILIES.map(({ what, shape }) => ({
    name: what,
    ...{
      shape: matched(shape),
      lengths: [6, 13, 1],
      hasTeacher: true,
      dropout: { rate: 0.2, seed: 4 },
      hasTerms: true,
    },
  })),
  { name: 'vectors', shape: embedding(UNEVEN), lengths: [4, 9, 1], hasTeacher: true, dropout: null },
  {
    name: 'projected vectors, hidden states and dropout',
    shape: embedding(matched(UNEVEN), 12),
    lengths: [6, 11, 3],
    hasTeacher: true,
    dropout: { rate: 0.3, seed: 9 },
  },
  {
    name: 'vectors of long texts',
    shape: embedding(BLOCKS, 540),
    lengths: [128, 97, 128, 64, 33, 128],
    hasTeacher: true,
    dropout: null,
  },
  {
    name: 'vectors of shared chains',
    shape: embedding(SHARED_CHAINS),
    lengths: [6, 13],
    hasTeacher: true,
    dropout: null,
  },
  { name: 'chains', shape: CHAINED, lengths: [5, 1, 13, 8], hasTeacher: true, dropout: { rate: 0.3, seed: 9 } },
  {
    name: 'chains in blocks',
    shape: CHAINED_BLOCKS,
    lengths: [128, 97, 128, 64, 33, 128],
    hasTeacher: false,
    dropout: null,
  },
]

/** What a case should give, computed once for all builds. */
const references = CASES.map((given) => {
  const { shape, lengths, dropout } = given
  const layout = layoutOf(shape)
  const parameters = syntheticParameters(layout, 1, shape.hidden === BLOCKS.hidden ? 0.1 : 0.3)
  const batch = syntheticBatch(shape, lengths, 2)
  const goal = goalOf(given)
  let expected: ReferenceResult | null = null
  return {
    ...{ layout, parameters, batch, goal },
    expected: () => (expected ??= referenceStep(layout, parameters, batch, goal, dropout)),
  }
})

/** Largest gradient of the query's bias beside a key's. */
function queryScale(layout: Layout, { gradients }: ReferenceResult, keyBias: string): number {
  return largest(tensorOf(layout, gradients.rest, keyBias.replace('key', 'query')))
}

describe.each(BUILDS)('training step on $name', (build) => {
  it.each(CASES)('gradients of every tensor: $name', async ({ name, dropout }) => {
    const { layout, parameters, batch, goal, ...reference } = references[CASES.findIndex((c) => c.name === name)]
    const expected = reference.expected()
    const session = await openSession(layout, parameters, build)
    try {
      const { logits, stateLoss } = await session.step(batch, goal, dropout, null)
      const { words, rest } = session.gradients()
      const loss = lossOf(logits, layout.shape.labels, goal) + stateLoss
      expect(Math.abs(loss - expected.loss)).toBeLessThan(1e-5 * expected.loss)
      // Sums of up to 578 products, in about 40 dependent layers of arithmetic: each rounds by 2^-24 of terms no larger
      // than a few times the largest gradient, and errors of random sign add like a square root. Measured: 2e-6.
      // A classifier's bias sums probabilities less labels, up to 1 in size each, to something far smaller: their own
      // rounding counts.
      const compare = (actual: Float32Array, wanted: Float64Array, what: string): void => {
        const bound = 1e-5 * largest(wanted) + (what === 'classifier.bias' ? 2 ** -24 : 0)
        assertWithin(actual, wanted, bound, `${name}, ${build.name}: ${what}`)
      }
      if (layout.shape.labels > 0) compare(logits, expected.logits, 'logits')
      else expect(logits).toHaveLength(0)
      compare(words, expected.gradients.words, 'words')
      if (expected.vectors && !dropout) compare(await session.vectors(batch), expected.vectors, 'vectors')
      for (const tensor of layout.places.keys()) {
        const actual = tensorOf(layout, rest, tensor)
        // a key's bias adds the same to all scores of a query, which softmax does not see: its gradient is rounding
        if (!tensor.endsWith('key.bias')) compare(actual, tensorOf(layout, expected.gradients.rest, tensor), tensor)
        else expect(largest(actual)).toBeLessThan(1e-5 * queryScale(layout, expected, tensor))
      }
      expect(session.damage()).toEqual([])
    } finally {
      await session.dispose()
    }
  })

  it('updates as AdamW does, clipped, the table in the rows of the batch alone', async () => {
    const layout = layoutOf(UNEVEN)
    const parameters = syntheticParameters(layout, 1)
    const session = await openSession(layout, parameters, build)
    try {
      const expected = await adamSteps(layout, parameters, session)
      const found = session.parameters()
      // one step moves a weight by at most about the rate; the root of a small second moment doubles relative errors
      assertWithin(found.rest, expected.rest, 2e-6, `${build.name}: parameters`)
      assertWithin(found.words, expected.words, 2e-6, `${build.name}: words`)
      expect(session.damage()).toEqual([])
    } finally {
      await session.dispose()
    }
  })
})

/** Three steps on the session, and the same three in float64 from the session's own gradients. */
async function adamSteps(
  layout: Layout,
  start: ReferenceParameters,
  session: TrainSession,
): Promise<ReferenceParameters> {
  const C = layout.shape.hidden
  const p = { words: start.words.slice(), rest: start.rest.slice() }
  const zeros = (): ReferenceParameters => ({
    words: new Float64Array(p.words.length),
    rest: new Float64Array(p.rest.length),
  })
  const [m, v] = [zeros(), zeros()]
  const decays = { words: () => true, rest: (i: number) => i < layout.decaying }
  for (let t = 1; t <= 3; t++) {
    const batch = syntheticBatch(layout.shape, [4, 9, 2], 20 + t)
    const { norm } = await session.step(batch, syntheticGoal(3, 3, t, false), null, ADAM)
    const g = session.gradients()
    let square = 0
    for (const x of g.words) square += x * x
    for (const x of g.rest) square += x * x
    expect(Math.abs(norm - Math.sqrt(square))).toBeLessThan(1e-6 * norm)
    expect(norm).toBeGreaterThan(ADAM.clipNorm)
    const factor = ADAM.clipNorm / norm
    const rate = ADAM.learningRate
    const touched = new Set(batch.ids)
    for (const part of ['words', 'rest'] as const)
      for (let i = 0; i < p[part].length; i++) {
        if (part === 'words' && !touched.has(Math.floor(i / C))) continue
        const slope = g[part][i] * factor
        m[part][i] = ADAM.beta1 * m[part][i] + (1 - ADAM.beta1) * slope
        v[part][i] = ADAM.beta2 * v[part][i] + (1 - ADAM.beta2) * slope * slope
        const root = Math.sqrt(v[part][i] / (1 - ADAM.beta2 ** t)) + ADAM.epsilon
        const step = (rate * m[part][i]) / (1 - ADAM.beta1 ** t) / root
        p[part][i] = p[part][i] * (1 - (decays[part](i) ? rate * ADAM.weightDecay : 0)) - step
      }
  }
  return p
}

describe('a training session', () => {
  it.each([
    ['dense', BLOCKS],
    ['chains and shared factors', CHAINED_BLOCKS],
    ['shared layers', SHARED_CHAINS],
    ['a bias by distance', DISTANT],
    ['vectors', embedding(BLOCKS, 540)],
  ])('gives the same bits on 1, 2 and 3 threads: %s', async (_, shape) => {
    const layout = layoutOf(shape)
    const parameters = syntheticParameters(layout, 1, 0.1)
    const results: { words: Float32Array; rest: Float32Array }[] = []
    for (const threads of [1, 2, 3]) {
      const session = await openSession(layout, parameters, { threads })
      for (let t = 0; t < 3; t++) {
        const lengths = shape.positions < 128 ? [7, 13, 9] : [60, 9, 128]
        const goal = shape.vectors ? vectorGoal(shape, lengths, t) : syntheticGoal(shape.labels, 3, t, true)
        await session.step(syntheticBatch(shape, lengths, t), goal, { rate: 0.1, seed: t }, ADAM)
      }
      results.push(session.parameters())
      await session.dispose()
    }
    for (const other of results.slice(1)) {
      assertExact(other.rest, results[0].rest, 'rest on more threads')
      assertExact(other.words, results[0].words, 'words on more threads')
    }
  })

  it('takes a chain of the identity and W for W, to the bit', async () => {
    const dense = layoutOf(UNEVEN)
    // a product with the identity is exact: outputs and the gradient of W do not change by a bit
    const roles = ['attention', 'intermediate', 'output'] as const
    const layers = UNEVEN.layers.map((layer, i) => ({
      ...layer,
      chains: Object.fromEntries(roles.map((role, r) => [role, [6 * i + 2 * r, 6 * i + 2 * r + 1]])),
    }))
    const weights = layers.flatMap((_, i) => roles.map((role) => dense.places.get(`layer.${i}.${role}.weight`)!))
    const factors = weights.flatMap(({ rows, columns }) => [
      { rows: columns, columns },
      { rows, columns },
    ])
    const chained = layoutOf({ ...UNEVEN, layers, factors })
    const given = syntheticParameters(dense, 1)
    const rest = new Float64Array(chained.length)
    for (const name of chained.places.keys())
      if (dense.places.has(name)) tensorOf(chained, rest, name).set(tensorOf(dense, given.rest, name))
    weights.forEach(({ offset, rows, columns: K }, w) => {
      for (let k = 0; k < K; k++) tensorOf(chained, rest, `factor.${2 * w}`)[k * K + k] = 1
      tensorOf(chained, rest, `factor.${2 * w + 1}`).set(given.rest.subarray(offset, offset + rows * K))
    })
    const batch = syntheticBatch(UNEVEN, [5, 13, 8], 2)
    const goal = syntheticGoal(3, 3, 3, false)
    const run = async (layout: Layout, parameters: ReferenceParameters): Promise<[Float32Array, Float32Array]> => {
      const session = await openSession(layout, parameters, { threads: 2 })
      const { logits } = await session.step(batch, goal, null, null)
      const slopes = session.gradients().rest
      await session.dispose()
      return [logits, slopes]
    }
    const [expected, slopes] = await run(dense, given)
    const [logits, found] = await run(chained, { ...given, rest })
    assertExact(logits, expected, 'logits')
    weights.forEach(({ offset, rows, columns: K }, w) => {
      const dW = slopes.subarray(offset, offset + rows * K)
      assertExact(tensorOf(chained, found, `factor.${2 * w + 1}`), dW, `gradient of weight ${w}`)
      // y = W (I x): the gradient of the identity is W^T dW
      const dI = new Float64Array(K * K)
      for (let n = 0; n < rows; n++)
        for (let k = 0; k < K; k++)
          for (let j = 0; j < K; j++) dI[k * K + j] += given.rest[offset + n * K + k] * dW[n * K + j]
      assertWithin(tensorOf(chained, found, `factor.${2 * w}`), dI, 1e-5 * largest(dI), `gradient of identity ${w}`)
    })
  })
})
