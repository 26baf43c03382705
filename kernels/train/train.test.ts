import { describe, expect, it } from 'vitest'
import { assertExact, assertWithin } from '../testing/compare.ts'
import { lossOf, type Dropout, type LossTarget, type TrainBatch } from './batch.ts'
import { ReferenceRounding, type FakeQuantize } from './fake-quantize.ts'
import { layoutOf, tensorOf, type Layout, type TrainShape } from './layout.ts'
import { LAYERNORM_FORWARD } from './opcodes.ts'
import { referenceStep, type ReferenceParameters, type ReferenceResult } from './reference.ts'
import { TrainSession, type AdamW, type TrainSessionOptions } from './session.ts'
import {
  CHAINED,
  matched,
  syntheticBatch,
  syntheticGoal,
  syntheticParameters,
  UNEVEN,
  withoutLabel,
  withTeacherTerms,
} from '../testing/train-models.ts'

const BUILDS: (TrainSessionOptions & { name: string })[] = [
  { name: 'relaxed, 1 thread', build: 'relaxed', threads: 1 },
  { name: 'relaxed, 2 threads', build: 'relaxed', threads: 2 },
  { name: 'relaxed, 3 threads', build: 'relaxed', threads: 3 },
  { name: 'baseline, 1 thread', build: 'baseline', threads: 1 },
  { name: 'baseline, 2 threads', build: 'baseline', threads: 2 },
]

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

interface Case {
  name: string
  shape: TrainShape
  lengths: number[]
  hasTeacher: boolean
  dropout: Dropout | null
  /** logits and hidden states of a teacher, and a sequence without a label */
  hasTerms?: boolean
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
  { name: 'chains', shape: CHAINED, lengths: [5, 1, 13, 8], hasTeacher: true, dropout: { rate: 0.3, seed: 9 } },
  {
    name: 'chains in blocks',
    shape: CHAINED_BLOCKS,
    lengths: [128, 97, 128, 64, 33, 128],
    hasTeacher: false,
    dropout: null,
  },
]

function goalOf({ shape, lengths, hasTeacher, hasTerms }: Case): LossTarget {
  const goal = syntheticGoal(shape.labels, lengths.length, 3, hasTeacher)
  const tokens = lengths.reduce((sum, T) => sum + T, 0)
  return hasTerms ? withoutLabel(withTeacherTerms(goal, shape, tokens, 4), shape.labels, 1) : goal
}

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

const ADAM: AdamW = { learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 0.5 }

const toF32 = ({ words, rest }: ReferenceParameters): { words: Float32Array; rest: Float32Array } => ({
  words: Float32Array.from(words),
  rest: Float32Array.from(rest),
})

const largest = (values: Float64Array): number => values.reduce((most, x) => Math.max(most, Math.abs(x)), 0)

/** Largest gradient of the query's bias beside a key's. */
function queryScale(layout: Layout, { gradients }: ReferenceResult, keyBias: string): number {
  return largest(tensorOf(layout, gradients.rest, keyBias.replace('key', 'query')))
}

async function open(
  layout: Layout,
  parameters: ReferenceParameters,
  options: TrainSessionOptions,
): Promise<TrainSession> {
  const session = await TrainSession.create(layout.shape, { ...options, guard: true })
  session.setParameters(toF32(parameters))
  return session
}

describe.each(BUILDS)('training step on $name', (build) => {
  it.each(CASES)('gradients of every tensor: $name', async ({ name, dropout }) => {
    const { layout, parameters, batch, goal, ...reference } = references[CASES.findIndex((c) => c.name === name)]
    const expected = reference.expected()
    const session = await open(layout, parameters, build)
    try {
      const { logits, stateLoss } = await session.step(batch, goal, dropout, null)
      const { words, rest } = session.gradients()
      const loss = lossOf(logits, layout.shape.labels, goal) + stateLoss
      expect(Math.abs(loss - expected.loss)).toBeLessThan(1e-5 * expected.loss)
      // Sums of up to 578 products, in about 40 dependent layers of arithmetic: each rounds by 2^-24 of terms no larger
      // than a few times the largest gradient, and errors of random sign add like a square root. Measured: 2e-6.
      const compare = (actual: Float32Array, wanted: Float64Array, what: string): void => {
        assertWithin(actual, wanted, 1e-5 * largest(wanted), `${name}, ${build.name}: ${what}`)
      }
      compare(logits, expected.logits, 'logits')
      compare(words, expected.gradients.words, 'words')
      for (const tensor of layout.places.keys()) {
        const actual = tensorOf(layout, rest, tensor)
        // a key's bias adds the same to all scores of a query, which softmax does not see: its gradient is rounding
        if (!tensor.endsWith('key.bias')) compare(actual, tensorOf(layout, expected.gradients.rest, tensor), tensor)
        else expect(largest(Float64Array.from(actual))).toBeLessThan(1e-5 * queryScale(layout, expected, tensor))
      }
      expect(session.damage()).toEqual([])
    } finally {
      await session.dispose()
    }
  })

  it('updates as AdamW does, clipped, the table in the rows of the batch alone', async () => {
    const layout = layoutOf(UNEVEN)
    const parameters = syntheticParameters(layout, 1)
    const session = await open(layout, parameters, build)
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
  ])('gives the same bits on 1, 2 and 3 threads: %s', async (_, shape) => {
    const layout = layoutOf(shape)
    const parameters = syntheticParameters(layout, 1, 0.1)
    const results: { words: Float32Array; rest: Float32Array }[] = []
    for (const threads of [1, 2, 3]) {
      const session = await open(layout, parameters, { threads })
      for (let t = 0; t < 3; t++) {
        const batch = syntheticBatch(shape, [60, 9, 128], t)
        await session.step(batch, syntheticGoal(2, 3, t, true), { rate: 0.1, seed: t }, ADAM)
      }
      results.push(session.parameters())
      await session.dispose()
    }
    for (const other of results.slice(1)) {
      assertExact(other.rest, results[0].rest, 'rest on more threads')
      assertExact(other.words, results[0].words, 'words on more threads')
    }
  })

  it('does record by record what a step does', async () => {
    const layout = layoutOf(CHAINED)
    const [batch, goal] = [syntheticBatch(CHAINED, [5, 13], 2), syntheticGoal(3, 2, 3, false)]
    const session = await open(layout, syntheticParameters(layout, 1), { threads: 2 })
    const other = await open(layout, syntheticParameters(layout, 1), { threads: 2 })
    await session.step(batch, goal, null, ADAM)
    const records = await other.profile(batch, goal, null, ADAM)
    assertExact(other.parameters().rest, session.parameters().rest, 'parameters')
    expect(records.filter(({ opcode }) => opcode === LAYERNORM_FORWARD)).toHaveLength(5)
    expect(records.every(({ ms }) => ms >= 0)).toBe(true)
    expect(other.damage()).toEqual([])
    await Promise.all([session.dispose(), other.dispose()])
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
      const session = await open(layout, parameters, { threads: 2 })
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

  it('refuses chains whose factors do not meet, and factors of no chain', () => {
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

  it('keeps masked weights at zero and learns without them', async () => {
    const layout = layoutOf(UNEVEN)
    const session = await open(layout, syntheticParameters(layout, 1), { threads: 2 })
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

  it('drops the share it is told to, differently at every step', async () => {
    const layout = layoutOf(UNEVEN)
    const session = await open(layout, syntheticParameters(layout, 1), { threads: 1 })
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

  it('refuses batches that do not fit', async () => {
    const layout = layoutOf(UNEVEN)
    const session = await open(layout, syntheticParameters(layout, 1), { threads: 1 })
    const forward = (offsets: number[], ids: number[]): Promise<Float32Array> =>
      session.forward({ offsets: Int32Array.from(offsets), ids: Int32Array.from(ids) })
    await expect(forward([0, 1], [31])).rejects.toThrow('token id 31 is outside the vocabulary of 31')
    await expect(forward([0, 1, 1], [3])).rejects.toThrow('sequence 1 has 0 tokens')
    await expect(forward([0, 14], new Array<number>(14).fill(1))).rejects.toThrow('the model takes 1 to 13')
    await session.dispose()
    expect(() => layoutOf({ ...UNEVEN, hidden: 18 })).toThrow('no multiple of 4')
  })

  it('refuses goals and matches that do not fit', async () => {
    const layout = layoutOf(MATCHED)
    const session = await open(layout, syntheticParameters(layout, 1), { threads: 1 })
    const batch = syntheticBatch(MATCHED, [2, 3], 1)
    const goal = goalOf({ name: '', shape: MATCHED, lengths: [2, 3], hasTeacher: false, dropout: null, hasTerms: true })
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
    const match = (layer: number, width: number, isProjected: boolean) => (): unknown =>
      layoutOf({ ...UNEVEN, matches: [{ layer, width, isProjected }] })
    expect(match(3, 20, true)).toThrow('state 3; there are 0 (embeddings) to 2')
    expect(match(0, 18, true)).toThrow('no multiple of 4')
    expect(match(0, 24, false)).toThrow('compares 20 numbers with 24 without a projection')
  })
})

/** A model and batch of which no activation stands so near a tie that f32 may round it otherwise than float64. */
function awayFromTies(
  layout: Layout,
  lengths: number[],
  fake: FakeQuantize,
): { parameters: ReferenceParameters; batch: TrainBatch } {
  const goal = goalOf({ name: '', shape: layout.shape, lengths, hasTeacher: true, dropout: null, hasTerms: true })
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
  ])('computes with rounded operands and passes gradients straight through: $what', async ({ what, shape, fake }) => {
    const layout = layoutOf(shape)
    const lengths = [3, 2]
    const { parameters, batch } = awayFromTies(layout, lengths, fake)
    const goal = goalOf({ name: what, shape, lengths, hasTeacher: true, dropout: null, hasTerms: true })
    const expected = referenceStep(layout, parameters, batch, goal, null, new ReferenceRounding(fake))
    const plain = referenceStep(layout, parameters, batch, goal)
    const session = await open(layout, parameters, { ...build, fakeQuantize: fake })
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
          expect(largest(Float64Array.from(found)), tensor).toBeLessThan(1e-5 * largest(expected.gradients.rest))
        else compare(found, wanted, tensor)
      }
      assertExact(await session.forward(batch), logits, 'forward alone')
      expect(session.damage()).toEqual([])
    } finally {
      await session.dispose()
    }
  })
})

describe.each(BUILDS)('hidden states on $name', (build) => {
  it('are those of the reference, in the order asked for, of a model that is only run too', async () => {
    const layout = layoutOf(UNEVEN)
    const parameters = syntheticParameters(layout, 1)
    const batch = syntheticBatch(UNEVEN, [5, 1, 13], 2)
    const goal = syntheticGoal(3, 3, 3, false)
    const { states } = referenceStep(layout, parameters, batch, goal)
    const session = await open(layout, parameters, { ...build, isForwardOnly: true })
    try {
      const found = await session.hiddenStates(batch, [2, 0, 1])
      for (const [i, layer] of [2, 0, 1].entries())
        assertWithin(found[i], states[layer], 1e-5 * largest(states[layer]), `${build.name}: state ${layer}`)
      await expect(session.hiddenStates(batch, [3])).rejects.toThrow('no hidden state 3; there are 0 (embeddings) to 2')
      await expect(session.step(batch, goal, null, null)).rejects.toThrow('forward only')
      expect(session.damage()).toEqual([])
    } finally {
      await session.dispose()
    }
  })
})

describe.each(BUILDS)('input statistics on $name', (build) => {
  it.each([
    ['dense', UNEVEN],
    ['chains', CHAINED],
  ])('are the sums over the rows that each layer sees: %s', async (_, shape) => {
    const layout = layoutOf(shape)
    const parameters = syntheticParameters(layout, 1)
    const session = await open(layout, parameters, build)
    try {
      const lengths = [5, 1, 13, 8]
      const batch = syntheticBatch(UNEVEN, lengths, 2)
      const found = await session.inputStatistics(batch)
      expect([...found.keys()]).toEqual([
        ...[0, 1].flatMap((i) => ['qkv', 'attention', 'intermediate', 'output'].map((part) => `layer.${i}.${part}`)),
        'pooler',
        'classifier',
      ])
      const { inputs } = referenceStep(layout, parameters, batch, syntheticGoal(3, 4, 3, false), null)
      for (const [tensor, { rows, K, gram, sum, largest: most }] of found) {
        const x = inputs.get(tensor)!
        expect([rows * K, tensor]).toEqual([x.length, tensor])
        const [expectedGram, expectedSum, scale] = [new Float64Array(K * K), new Float64Array(K), largest(x)]
        const expectedMost = new Float64Array(K)
        for (let r = 0; r < rows; r++)
          for (let k = 0; k < K; k++) {
            expectedSum[k] += x[r * K + k]
            expectedMost[k] = Math.max(expectedMost[k], Math.abs(x[r * K + k]))
            for (let j = 0; j < K; j++) expectedGram[k * K + j] += x[r * K + k] * x[r * K + j]
          }
        // as for the gradients above: the inputs carry the rounding of the layers below them
        assertWithin(gram, expectedGram, 1e-5 * largest(expectedGram), `${build.name}: ${tensor} gram`)
        assertWithin(sum, expectedSum, 1e-5 * rows * scale, `${build.name}: ${tensor} sum`)
        assertWithin(most, expectedMost, 1e-5 * scale, `${build.name}: ${tensor} largest`)
      }
      expect(session.damage()).toEqual([])
    } finally {
      await session.dispose()
    }
  })
})
