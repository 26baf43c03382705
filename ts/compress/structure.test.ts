import { keptStructure } from './kept-structure.ts'
import { describe, expect, test } from 'vitest'
import { checkLinearWeight } from '../../kernels/program/weights.ts'
import { assertWithin } from '../../kernels/testing/compare.ts'
import { seededRandom, uniform } from '../../kernels/testing/random.ts'
import { runReference } from '../../kernels/reference.ts'
import { buildProgram } from '../model/bert.ts'
import { randomModel } from '../model/preset.ts'
import { SMALL, syntheticModel } from '../../testing/models.ts'
import type { EncoderLayer, LinearLayer } from '../model/weights.ts'
import { denseData, encoderLinears } from './dense.ts'
import {
  keepMostImportant,
  pruneStructure,
  removeStructure,
  sliceLayer,
  topIndices,
  weightImportance,
} from './structure.ts'
import type { Importance } from './structure.ts'

const T = 5

/** x W^T + bias in plain loops; x [T, K]. */
function linear(x: Float64Array, { weight, bias }: LinearLayer): Float64Array {
  const { N, K } = weight
  const w = denseData(weight)
  const y = new Float64Array(T * N)
  for (let t = 0; t < T; t++)
    for (let n = 0; n < N; n++) {
      let sum = bias?.[n] ?? 0
      for (let k = 0; k < K; k++) sum += x[t * K + k] * w[n * K + k]
      y[t * N + n] = sum
    }
  return y
}

/** What one head adds to the attention output, [T, C]: softmax(Q K^T / sqrt(D)) V O_h^T. */
function headContribution(layer: EncoderLayer, head: number, x: Float64Array): Float64Array {
  const D = layer.headSize
  const width = layer.heads * D
  const [q, k, v] = [linear(x, layer.query), linear(x, layer.key), linear(x, layer.value)]
  const o = denseData(layer.attentionOutput.weight)
  const C = layer.attentionOutput.weight.N
  const out = new Float64Array(T * C)
  for (let t = 0; t < T; t++) {
    const scores = Array.from({ length: T }, (_, s) => {
      let dot = 0
      for (let d = head * D; d < (head + 1) * D; d++) dot += q[t * width + d] * k[s * width + d]
      return Math.exp(dot / Math.sqrt(D))
    })
    const total = scores.reduce((a, b) => a + b, 0)
    for (let d = head * D; d < (head + 1) * D; d++) {
      let mixed = 0
      for (let s = 0; s < T; s++) mixed += (scores[s] / total) * v[s * width + d]
      for (let c = 0; c < C; c++) out[t * C + c] += mixed * o[c * width + d]
    }
  }
  return out
}

const model = syntheticModel('f32', 7)
const layer = model.layers[0]
const x = Float64Array.from(uniform(T * layer.query.weight.K, seededRandom(9)))

describe('cutting heads and neurons', () => {
  test('the heads that stay contribute exactly what they did; the others nothing', () => {
    const kept = [0, 2, 3]
    const cut = sliceLayer(layer, kept, [0, 1])
    expect(cut.heads).toBe(3)
    kept.forEach((head, i) => {
      const before = headContribution(layer, head, x)
      assertWithin(headContribution(cut, i, x), before, 0, `head ${head}`)
      expect(before.some((value) => value !== 0)).toBe(true)
    })
    expect(cut.attentionOutput.weight.K).toBe(3 * layer.headSize)
    expect(cut.attentionOutput.bias).toBe(layer.attentionOutput.bias)
  })

  test('the neurons that stay compute exactly what they did', () => {
    const neurons = [1, 4, 39]
    const cut = sliceLayer(layer, [0, 1, 2, 3], neurons)
    const [all, some] = [linear(x, layer.intermediate), linear(x, cut.intermediate)]
    const F = layer.intermediate.weight.N
    assertWithin(
      some,
      Float64Array.from({ length: T * 3 }, (_, i) => all[Math.floor(i / 3) * F + neurons[i % 3]]),
      0,
      'W1',
    )
    const [w2, w2Cut] = [denseData(layer.output.weight), denseData(cut.output.weight)]
    const C = cut.output.weight.N
    assertWithin(
      w2Cut,
      Float32Array.from({ length: C * 3 }, (_, i) => w2[Math.floor(i / 3) * F + neurons[i % 3]]),
      0,
      'W2',
    )
  })
})

describe('which ones are cut', () => {
  test('head importance is the norm of its output-value product', () => {
    const { heads } = weightImportance(layer)
    const [v, o] = [denseData(layer.value.weight), denseData(layer.attentionOutput.weight)]
    const { K: C } = layer.value.weight
    const [D, width] = [layer.headSize, layer.heads * layer.headSize]
    for (let h = 0; h < layer.heads; h++) {
      let squares = 0
      for (let a = 0; a < C; a++)
        for (let b = 0; b < C; b++) {
          let sum = 0
          for (let d = h * D; d < (h + 1) * D; d++) sum += o[a * width + d] * v[d * C + b]
          squares += sum * sum
        }
      expect(Math.abs(heads[h] / Math.sqrt(squares) - 1)).toBeLessThan(1e-9)
    }
  })

  test('a head and neurons of tiny weights go first', () => {
    const weakened = structuredClone(model)
    const first = weakened.layers[0]
    const D = first.headSize
    if (first.value.weight.kind !== 'f32' || first.intermediate.weight.kind !== 'f32') throw new Error('expected f32')
    first.value.weight.data.fill(1e-6, D * first.value.weight.K, 2 * D * first.value.weight.K)
    const scores = weightImportance(first)
    expect(topIndices(scores.heads, 3)).toEqual([0, 2, 3])
    first.intermediate.weight.data.fill(1e-9, 0, 8 * first.intermediate.weight.K)
    first.intermediate.bias?.fill(0, 0, 8)
    expect(topIndices(weightImportance(first).neurons, 32)).toEqual(Array.from({ length: 32 }, (_, i) => i + 8))
  })

  test.each([
    [
      { heads: 12, ffn: 3072 },
      { heads: 8, ffn: 2048 },
    ],
    [
      { heads: 12, ffn: 1536 },
      { heads: 8, ffn: 1024 },
    ],
    [
      { heads: 4, ffn: 1024 },
      { heads: 3, ffn: 680 },
    ],
    [
      { heads: 2, ffn: 512 },
      { heads: 1, ffn: 344 },
    ],
    [
      { heads: 1, ffn: 8 },
      { heads: 1, ffn: 8 },
    ],
    [
      { heads: 1, ffn: 4 },
      { heads: 1, ffn: 4 },
    ],
  ])('heads8-ffn2048 of %o keeps %o', (shape, expected) => {
    expect(keptStructure({ heads: 8, ffn: 2048 }, shape)).toEqual(expected)
  })

  test('the whole model: shapes fit, given importance is obeyed, the input is unchanged', () => {
    const before = structuredClone(model)
    const importance = model.layers.map((l) => ({
      heads: Float64Array.from({ length: l.heads }, (_, h) => h),
      neurons: Float64Array.from({ length: 40 }, (_, f) => f),
    }))
    const cut = removeStructure(model, { heads: 8, ffn: 2048 }, importance).model
    expect(model).toEqual(before)
    expect(cut.layers.map((l) => l.heads)).toEqual([3, 3])
    expect(cut.layers[1].intermediate.weight.N).toBe(24)
    for (const { stem, linear: l } of encoderLinears(cut)) checkLinearWeight(l.weight, stem)
    const lastHeads = sliceLayer(
      model.layers[0],
      [1, 2, 3],
      Array.from({ length: 24 }, (_, i) => i + 16),
    )
    expect(cut.layers[0]).toEqual(lastHeads)
  })

  test('layers that are not dense are refused by name', () => {
    expect(() => removeStructure(syntheticModel('int8'), { heads: 8, ffn: 2048 })).toThrow(
      'bert.encoder.layer.0.attention.self.value is stored as int8',
    )
  })
})

describe('cutting in rounds, unevenly', () => {
  const wide = randomModel({ ...SMALL, hiddenSize: 24, heads: 6, intermediateSize: 64, layers: 4 }, 3)
  const count = (m: typeof wide): [number, number] => [
    m.layers.reduce((sum, l) => sum + l.heads, 0),
    m.layers.reduce((sum, l) => sum + l.intermediate.weight.N, 0),
  ]
  /** Scores by the weights, later layers worth far more: they must not empty the first one. */
  const measure = async (m: typeof wide): Promise<Importance[]> =>
    m.layers.map((l, i) => {
      const { heads, neurons } = weightImportance(l)
      return { heads: heads.map((x) => x * 10 ** i), neurons: neurons.map((x) => x * 10 ** i) }
    })

  test.each([1, 3, 8])(
    '%d rounds end at exactly the totals of the even cut, every layer keeps a head and 8 neurons',
    async (iterations) => {
      const target = { heads: 4, ffn: 1024 }
      const totals = count(removeStructure(wide, target).model)
      const sizes: [number, number][] = []
      const { model: cut, notes } = await pruneStructure(
        wide,
        target,
        async (m) => {
          sizes.push(count(m))
          return measure(m)
        },
        { iterations },
      )
      expect(count(cut)).toEqual(totals)
      expect(sizes).toHaveLength(iterations)
      expect(sizes[0]).toEqual([24, 256])
      for (const { heads, intermediate } of cut.layers) {
        expect(heads).toBeGreaterThanOrEqual(1)
        expect(intermediate.weight.N % 8).toBe(0)
        expect(intermediate.weight.N).toBeGreaterThanOrEqual(8)
      }
      expect(new Set(cut.layers.map((l) => l.heads)).size).toBeGreaterThan(1)
      expect(notes[0]).toContain(`heads per layer ${cut.layers.map((l) => l.heads).join(' ')}`)
      for (const { stem, linear: l } of encoderLinears(cut)) checkLinearWeight(l.weight, stem)
    },
  )

  test('even rounds keep the shape of the step', async () => {
    const { model: cut } = await pruneStructure(wide, { heads: 8, ffn: 2048 }, measure, {
      iterations: 3,
      uneven: false,
    })
    const even = removeStructure(wide, { heads: 8, ffn: 2048 }).model
    expect(cut.layers.map((l) => [l.heads, l.intermediate.weight.N])).toEqual(
      even.layers.map((l) => [l.heads, l.intermediate.weight.N]),
    )
  })

  test('the highest scores of all layers stay; neurons go in the eights that their order makes', () => {
    const neurons = (from: number): Float64Array =>
      Float64Array.from({ length: 16 }, (_, i) => from + (i % 2 === 0 ? 10 : 0))
    const kept = keepMostImportant(
      [
        { heads: Float64Array.of(5, 1, 6), neurons: neurons(0) },
        { heads: Float64Array.of(2, 3, 0), neurons: neurons(4) },
      ],
      { heads: 3, ffn: 24 },
    )
    expect(kept[0]).toEqual({ heads: [0, 2], neurons: [0, 2, 4, 6, 8, 10, 12, 14] })
    expect(kept[1]).toEqual({ heads: [1], neurons: Array.from({ length: 16 }, (_, i) => i) })
  })

  test('scores of another shape, NaN and bad rounds are refused', async () => {
    const cut = (scores: (m: typeof wide) => Promise<readonly Importance[]>, iterations = 1) =>
      pruneStructure(wide, { heads: 8, ffn: 2048 }, scores, { iterations })
    await expect(cut(async () => [])).rejects.toThrow('scores of 0 layers')
    await expect(cut(async () => measure(removeStructure(wide, { heads: 8, ffn: 2048 }).model))).rejects.toThrow(
      'layer 0 has scores of 4 heads',
    )
    await expect(cut(async (m) => (await measure(m)).map((l) => ({ ...l, heads: l.heads.fill(NaN) })))).rejects.toThrow(
      'NaN',
    )
    await expect(cut(measure, 0)).rejects.toThrow('0 iterations')
  })
})

test('a head whose output columns are zeros, and neurons likewise, add nothing: the model without them computes the same', () => {
  const zeroed = structuredClone(model)
  const [cutHead, cutNeurons] = [1, [0, 7, 39]]
  const { attentionOutput, output, headSize: D } = zeroed.layers[1]
  const [o, w2] = [denseData(attentionOutput.weight), denseData(output.weight)]
  for (let n = 0; n < attentionOutput.weight.N; n++) {
    o.fill(0, n * attentionOutput.weight.K + cutHead * D, n * attentionOutput.weight.K + (cutHead + 1) * D)
    for (const f of cutNeurons) w2[n * output.weight.K + f] = 0
  }
  const kept = Array.from({ length: 40 }, (_, f) => f).filter((f) => !cutNeurons.includes(f))
  const layers = [zeroed.layers[0], sliceLayer(zeroed.layers[1], [0, 2, 3], kept)]
  const ids = Int32Array.of(2, 9, 30, 4, 11, 2, 8, 3)
  const batch = { offsets: Int32Array.of(0, 5, 8), ids, types: new Int32Array(8) }
  const wanted = runReference(buildProgram(zeroed, 'hidden'), batch)
  const found = runReference(buildProgram({ ...zeroed, layers }, 'hidden'), batch)
  // float64 on both sides: what differs is the order of sums
  found.forEach((x, i) => expect(Math.abs(x - wanted[i])).toBeLessThan(1e-12))
  const whole = runReference(buildProgram(model, 'hidden'), batch)
  expect(Math.max(...whole.map((x, i) => Math.abs(x - wanted[i])))).toBeGreaterThan(1e-4)
})
