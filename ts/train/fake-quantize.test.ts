import { describe, expect, it } from 'vitest'
import { runReference } from '../../kernels/reference.ts'
import { assertExact, assertWithin } from '../../kernels/testing/compare.ts'
import { ReferenceRounding, type FakeQuantize } from '../../kernels/train/fake-quantize.ts'
import { layoutOf } from '../../kernels/train/layout.ts'
import { referenceStep } from '../../kernels/train/reference.ts'
import type { TrainBatch } from '../../kernels/train/batch.ts'
import { TrainSession, type TrainSessionOptions } from '../../kernels/train/session.ts'
import { denseTable } from '../compress/dense.ts'
import { dequantizeWeight, quantizeEmbedding, quantizeLinears, quantizeWordEmbeddings } from '../compress/quantize.ts'
import { quantizeWeight } from '../compress/quantize-weight.ts'
import { buildProgram } from '../model/bert.ts'
import type { BertConfig } from '../model/config.ts'
import { syntheticModel } from '../../testing/models.ts'
import { linearLayers, type ModelWeights } from '../model/weights.ts'
import { openDevice } from '../inference/devices.ts'
import { createRandom } from '../../kernels/program/random.ts'
import { joinSequences } from './batches.ts'
import { parametersOf, shapeOfModel } from './convert.ts'
import { initializeModel, trainClassifier, type TrainExample } from '../train.ts'

/** Widths with and without tails of four. */
const CONFIG: BertConfig = {
  vocabSize: 40,
  hiddenSize: 24,
  layers: 2,
  heads: 2,
  intermediateSize: 42,
  maxPositions: 16,
  typeVocabSize: 2,
  layerNormEpsilon: 1e-12,
  labels: ['without', 'with'],
  recipe: '',
  lowercase: true,
}
const EVERYWHERE: FakeQuantize = { linears: true, embeddings: true }
/** Of the largest logit: f32 arithmetic of two layers, where no rounding differs. As kernels/train/train.test.ts. */
const BOUND = 1e-5

function toy(count: number, seed: number): TrainExample[] {
  const random = createRandom(seed)
  return Array.from({ length: count }, (_, i) => {
    const middle = Array.from({ length: 3 + random.int(4) }, () => 10 + random.int(27))
    middle[random.int(middle.length)] = i % 2 ? 9 : 7
    return { ids: Int32Array.from([2, ...middle, 3]), label: i % 2 }
  })
}

async function logitsOf(model: ModelWeights, batch: TrainBatch, options: TrainSessionOptions): Promise<Float32Array> {
  const session = await TrainSession.create(shapeOfModel(model), { threads: 1, guard: true, ...options })
  try {
    session.setParameters(parametersOf(model, session.layout))
    const logits = await session.forward(batch)
    expect(session.damage()).toEqual([])
    return logits
  } finally {
    await session.dispose()
  }
}

/** What the int8 model says on the CPU's kernels. */
async function int8Logits(model: ModelWeights, batch: TrainBatch): Promise<Float32Array> {
  const { device } = await openDevice({ device: 'cpu', threads: 1 })
  try {
    const session = await device.load(buildProgram(model, 'logits'))
    return await session.run({ ...batch, types: new Int32Array(batch.ids.length) })
  } finally {
    await device.dispose()
  }
}

const compressed = (model: ModelWeights, { embeddings }: FakeQuantize): ModelWeights => {
  const { model: linears } = quantizeLinears(model)
  return embeddings ? quantizeWordEmbeddings(linears).model : linears
}

/** Least distance of an activation from a tie, in steps, and its logits in float64. */
function inFloat64(
  model: ModelWeights,
  batch: TrainBatch,
  fake: FakeQuantize,
): { distance: number; logits: Float64Array } {
  const layout = layoutOf(shapeOfModel(model))
  const { words, rest } = parametersOf(model, layout)
  const goal = { target: new Float32Array((batch.offsets.length - 1) * 2), teacher: null, alpha: 1, temperature: 1 }
  const rounding = new ReferenceRounding(fake)
  const parameters = { words: Float64Array.from(words), rest: Float64Array.from(rest) }
  const { logits } = referenceStep(layout, parameters, batch, goal, null, rounding)
  return { distance: rounding.tieDistance, logits }
}

const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0)

describe('quantization-aware training', () => {
  it.each<{ what: string; start: ModelWeights; fake: FakeQuantize }>([
    { what: 'q8', start: initializeModel(CONFIG, 1), fake: { linears: true } },
    { what: 'q8+e8', start: initializeModel(CONFIG, 1), fake: EVERYWHERE },
    { what: 'q8+e8 of chains of factors', start: syntheticModel('chain'), fake: EVERYWHERE },
  ])('sees the logits that the model gives after $what', async ({ what, start, fake }) => {
    const { model, losses } = await trainClassifier(start, toy(64, 1), {
      epochs: 12,
      learningRate: 3e-3,
      dropout: 0,
      fakeQuantize: fake,
    })
    // factors of random numbers learn slowly
    expect(losses.at(-1)!).toBeLessThan(start.layers[0].query.weight.kind === 'chain' ? losses[0] : losses[0] / 2)
    const int8 = compressed(model, fake)
    let compared = 0
    // where no activation stands near a tie, every rounding is the same on all sides and only f32 sums differ; 127 times
    // 4e-6 is the relative error of an activation in steps
    for (let seed = 1; seed < 60 && compared < 3; seed++) {
      const batch = joinSequences([toy(1, 100 + seed)[0].ids])
      const { distance, logits: expected } = inFloat64(model, batch, fake)
      if (distance < 127 * 4e-6) continue
      compared++
      const bound = BOUND * largest(expected)
      for (const build of ['baseline', 'relaxed'] as const)
        assertWithin(await logitsOf(model, batch, { fakeQuantize: fake, build }), expected, bound, `${what} ${build}`)
      assertWithin(await int8Logits(int8, batch), expected, bound, `${what}: the compressed model`)
      const types = new Int32Array(batch.ids.length)
      assertWithin(runReference(buildProgram(int8, 'logits'), { ...batch, types }), expected, bound, `${what}: float64`)
      // without rounding the logits are others
      const plain = await logitsOf(model, batch, {})
      expect(largest(plain.map((z, i) => z - expected[i]))).toBeGreaterThan(10 * bound)
    }
    expect(compared).toBe(3)
  })

  it('rounds weights and word rows as q8 and e8 do: ties, rows of zeros, of one value and of denormals', async () => {
    const model = initializeModel(CONFIG, 2)
    const random = createRandom(3)
    const isNegative = (): boolean => random.int(2) === 1
    for (const { linear } of linearLayers(model)) {
      const { weight } = linear
      if (weight.kind !== 'f32') throw new Error('expected f32')
      const { N, K, data } = weight
      for (let n = 0; n < N; n++)
        for (let k = 0; k < K; k++) {
          // a power of two as scale, so that halves of it are ties and the rounded row rounds to itself
          const tie = (k === n % K ? 127 : random.int(126) + 0.5) * 2 ** -9
          const size = n % 7 === 3 ? 0 : n % 7 === 5 ? 1e-40 : tie
          data[n * K + k] = isNegative() ? -size : size
        }
    }
    const { word } = model.embeddings
    if (word.kind !== 'f32') throw new Error('expected f32')
    for (let id = 0; id < word.rows; id++)
      for (let c = 0; c < word.width; c++) {
        const tie = (c === 0 ? 0 : c === 1 ? 255 : random.int(254) + 0.5) * 2 ** -12 - 2 ** -6
        word.data[id * word.width + c] = id % 5 === 0 ? 0.25 : tie
      }
    const rounded = structuredClone(model)
    for (const { linear, stem } of linearLayers(rounded)) {
      const { weight } = linear
      if (weight.kind === 'f32') weight.data = dequantizeWeight(quantizeWeight(weight.data, weight.N, weight.K, stem))
    }
    rounded.embeddings.word = { ...word, data: denseTable(quantizeEmbedding(word)) }
    const batch = joinSequences([Int32Array.from({ length: 16 }, (_, i) => i), Int32Array.of(20, 25, 31)])
    const expected = await logitsOf(rounded, batch, { fakeQuantize: EVERYWHERE })
    for (const build of ['baseline', 'relaxed'] as const)
      for (const threads of [1, 2]) {
        const options = { fakeQuantize: EVERYWHERE, build, threads }
        assertExact(
          await logitsOf(model, batch, options),
          await logitsOf(rounded, batch, options),
          `${build}, ${threads} threads`,
        )
      }
    expect(largest((await logitsOf(model, batch, {})).map((z, i) => z - expected[i]))).toBeGreaterThan(1e-4)
  })

  it('rounds rows of zeros and of denormals as the int8 kernels do', async () => {
    for (const size of [0, 1e-39]) {
      const model = initializeModel(CONFIG, 2)
      model.embeddings.norm.gamma.fill(size)
      const batch = joinSequences([Int32Array.of(2, 9, 3)])
      const found = await logitsOf(model, batch, { fakeQuantize: { linears: true } })
      const expected = await int8Logits(compressed(model, { linears: true }), batch)
      assertWithin(found, Float64Array.from(expected), 1e-4 * largest(expected), `gamma ${size}`)
    }
  })
})
