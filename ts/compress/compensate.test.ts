import { expect, it } from 'vitest'
import { runReference } from '../../kernels/reference.ts'
import { createRandom } from '../../kernels/program/random.ts'
import { TOY } from '../../testing/toy-task.ts'
import { packBatch } from '../inference/batches.ts'
import { buildProgram } from '../model/bert.ts'
import { LAYER_LINEARS, type ModelWeights } from '../model/weights.ts'
import { applyRecipe } from '../recipe/apply.ts'
import { calibrate, initializeModel } from '../train.ts'
import { compensationOf, roundCompensated } from './compensate.ts'
import { quantizeWeight } from './quantize-weight.ts'
import { denseData, denseWeight } from './dense.ts'

const [N, K, ROWS] = [12, 24, 400]
const random = createRandom(5)
/** Inputs that hang together: eight sources behind twenty-four channels, and a little noise. */
const mixing = Float64Array.from({ length: 8 * K }, () => random.normal())
const inputs = Array.from({ length: ROWS }, () => {
  const sources = Array.from({ length: 8 }, () => random.normal())
  return Float64Array.from(
    { length: K },
    (_, k) => sources.reduce((sum, s, i) => sum + s * mixing[i * K + k], 0) + 0.1 * random.normal(),
  )
})
const gram = new Float64Array(K * K)
for (const x of inputs) for (let i = 0; i < K; i++) for (let j = 0; j < K; j++) gram[i * K + j] += x[i] * x[j]
const data = Float32Array.from({ length: N * K }, () => random.normal())
// a row of zeros stays one
data.fill(0, 3 * K, 4 * K)

const outputError = (of: Float32Array): number => {
  let sum = 0
  for (const x of inputs)
    for (let n = 0; n < N; n++) {
      let off = 0
      for (let k = 0; k < K; k++) off += (of[n * K + k] - data[n * K + k]) * x[k]
      sum += off * off
    }
  return sum
}

it('errs less in what the layer puts out than plain rounding with the same scales', () => {
  const plain = quantizeWeight(data, N, K)
  const made = roundCompensated(data, N, K, plain.scales, compensationOf({ K, gram }, 'layer'))
  expect(made.scales).toBe(plain.scales)
  expect(outputError(denseData(made))).toBeLessThan(0.3 * outputError(denseData(plain)))
  expect(made.data.subarray(3 * K, 4 * K).every((q) => q === 0)).toBe(true)
})

it('is plain rounding where inputs have nothing in common, and U is the triangle of the inverse', () => {
  const identity = Float64Array.from({ length: K * K }, (_, i) => (i % (K + 1) === 0 ? 2 : 0))
  const plain = quantizeWeight(data, N, K)
  const made = roundCompensated(data, N, K, plain.scales, compensationOf({ K, gram: identity }, 'layer'))
  expect(made).toEqual(plain)
  const { order, upper } = compensationOf({ K, gram }, 'layer')
  const mean = Array.from({ length: K }, (_, k) => gram[k * K + k]).reduce((a, b) => a + b, 0) / K
  // U G U^T = 1, with G damped and in the order of energy
  for (let i = 0; i < K; i++)
    for (let j = 0; j <= i; j++) {
      let sum = 0
      for (let a = 0; a < K; a++)
        for (let b = 0; b < K; b++)
          sum += upper[i * K + a] * (gram[order[a] * K + order[b]] + (a === b ? 0.01 * mean : 0)) * upper[j * K + b]
      expect(Math.abs(sum - (i === j ? 1 : 0))).toBeLessThan(1e-9)
    }
})

it('q8:gptq rounds a model so, on its own and after shift', async () => {
  const model = initializeModel(TOY, 3)
  const texts = Array.from({ length: 40 }, () => Int32Array.from({ length: 6 + random.int(8) }, () => random.int(50)))
  const calibration = await calibrate(model, texts, { threads: 1 })
  const output = (of: ModelWeights): Float64Array =>
    Float64Array.from(runReference(buildProgram(of, 'embeddings'), packBatch(texts)))
  const whole = output(model)
  const lost = async (recipe: string): Promise<number> => {
    const { model: made } = await applyRecipe(model, recipe, { seed: 1, calibration })
    // weights alone: what they stand for, in f32
    const dense = structuredClone(made)
    for (const layer of dense.layers)
      for (const role of LAYER_LINEARS) layer[role].weight = denseWeight(layer[role].weight)
    return Math.hypot(...output(dense).map((x, i) => x - whole[i]))
  }
  const [plain, made, both] = [await lost('q8'), await lost('q8:gptq'), await lost('q8:shift,gptq')]
  expect(made).toBeLessThan(plain)
  expect(both).toBeLessThan(plain)
  await expect(applyRecipe(model, 'q8:gptq', { seed: 1 })).rejects.toThrow(/q8:gptq: found no calibration/)
})

it('refuses sums that are none', () => {
  const negative = Float64Array.from({ length: 4 }, (_, i) => (i % 3 === 0 ? -1 : 0))
  expect(() => compensationOf({ K: 2, gram: negative }, 'layer')).toThrow(/q8:gptq: the calibration of layer/)
})
