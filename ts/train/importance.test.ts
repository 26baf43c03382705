import { describe, expect, it } from 'vitest'
import { assertWithin } from '../../kernels/testing/compare.ts'
import { lossOf } from '../../kernels/train/batch.ts'
import { TrainSession } from '../../kernels/train/session.ts'
import { denseData } from '../compress/dense.ts'
import { applyRecipe } from '../recipe/apply.ts'
import { sliceLayer } from '../compress/structure.ts'
import type { ModelWeights } from '../model/weights.ts'
import { createRandom } from '../../kernels/program/random.ts'
import { joinSequences } from './batches.ts'
import { parametersOf, shapeOfModel } from './convert.ts'
import { firstOrderImportance, initializeModel, softLabels } from '../train.ts'
import { TOY } from '../../testing/toy-task.ts'

const CONFIG = { ...TOY, heads: 4 }

const texts = createRandom(3)
const sequences = Array.from({ length: 64 }, () =>
  Int32Array.from([2, ...Array.from({ length: 4 + texts.int(8) }, () => 7 + texts.int(43)), 3]),
)
const labels = sequences.map((ids) => (ids.includes(9) ? 1 : ids.length % 2))
const goal = {
  target: Float32Array.from(labels.flatMap((label) => [1 - label, label])),
  teacher: null,
  alpha: 1,
  temperature: 1,
}
const options = { threads: 1, batch: 16 }
const whole = initializeModel(CONFIG, 5)

async function logitsOf(model: ModelWeights): Promise<Float32Array> {
  const session = await TrainSession.create(shapeOfModel(model), { threads: 1 })
  try {
    session.setParameters(parametersOf(model, session.layout))
    return await session.forward(joinSequences(sequences))
  } finally {
    await session.dispose()
  }
}

/** The model with a head's output columns, or a neuron's, times `factor`. */
function scaled(layer: number, part: { head: number } | { neuron: number }, factor: number): ModelWeights {
  const model = structuredClone(whole)
  const { attentionOutput, output, headSize: D } = model.layers[layer]
  const { weight } = 'head' in part ? attentionOutput : output
  if (weight.kind !== 'f32') throw new Error('expected f32')
  const [begin, end] = 'head' in part ? [part.head * D, (part.head + 1) * D] : [part.neuron, part.neuron + 1]
  for (let n = 0; n < weight.N; n++) for (let k = begin; k < end; k++) weight.data[n * weight.K + k] *= factor
  return model
}

describe('first-order importance', () => {
  it('is the slope of the loss as a part fades: against differences, one batch', async () => {
    const importance = await firstOrderImportance(whole, sequences, { labels, threads: 1, batch: 64 })
    const lossAt = async (model: ModelWeights): Promise<number> => lossOf(await logitsOf(model), 2, goal)
    const h = 0.05
    for (const layer of [0, 1])
      for (const head of [0, 1, 2, 3]) {
        const up = await lossAt(scaled(layer, { head }, 1 + h))
        const down = await lossAt(scaled(layer, { head }, 1 - h))
        const slope = Math.abs(up - down) / (2 * h)
        // central differences err by h^2 of a third derivative, and f32 logits by 1e-7 / h
        expect(Math.abs(importance[layer].heads[head] - slope)).toBeLessThan(0.02 * slope + 1e-5)
      }
    expect(Math.max(...importance[0].heads)).toBeGreaterThan(1e-4)
    // a neuron counts what comes in and what goes out, so it is at least the slope of the latter
    for (const neuron of [0, 13, 63]) {
      const up = await lossAt(scaled(1, { neuron }, 1 + h))
      const down = await lossAt(scaled(1, { neuron }, 1 - h))
      const slope = Math.abs(up - down) / (2 * h)
      expect(importance[1].neurons[neuron]).toBeGreaterThan(slope - 0.02 * slope - 1e-5)
    }
  })

  it('is 0 for a head whose output is 0, and for a neuron that neither reads nor writes', async () => {
    const model = scaled(1, { head: 2 }, 0)
    const { intermediate, output } = model.layers[0]
    if (intermediate.weight.kind !== 'f32' || output.weight.kind !== 'f32') throw new Error('expected f32')
    intermediate.weight.data.fill(0, 5 * 32, 6 * 32)
    for (let n = 0; n < 32; n++) output.weight.data[n * 64 + 5] = 0
    intermediate.bias![5] = 0
    const [first, second] = await firstOrderImportance(model, sequences, options)
    expect(second.heads[2]).toBe(0)
    expect(first.neurons[5]).toBe(0)
    expect(first.neurons.filter((x) => x === 0)).toHaveLength(1)
  })

  it('needs no labels: its own choices do, its own probabilities give nothing, another model’s do', async () => {
    const own = await firstOrderImportance(whole, sequences, options)
    const logits = await logitsOf(whole)
    const choice = sequences.map((_, b) => (logits[b * 2 + 1] > logits[b * 2] ? 1 : 0))
    const same = await firstOrderImportance(whole, sequences, { ...options, labels: choice })
    expect(same).toEqual(own)
    const soft = await softLabels(whole, sequences, options)
    const none = await firstOrderImportance(whole, sequences, { ...options, labels: soft })
    expect(Math.max(...none[0].heads)).toBeLessThan(1e-5 * Math.max(...own[0].heads))
    const other = await firstOrderImportance(scaled(0, { head: 1 }, 0), sequences, { ...options, labels: soft })
    expect(Math.max(...other[0].heads)).toBeGreaterThan(1e-3 * Math.max(...own[0].heads))
  })

  it('refuses no texts and labels that do not fit', async () => {
    await expect(firstOrderImportance(whole, [])).rejects.toThrow('there are no texts')
    await expect(firstOrderImportance(whole, sequences, { labels: [1] })).rejects.toThrow('1 labels for 64 sequences')
    await expect(firstOrderImportance(whole, sequences, { labels: labels.map(() => 2) })).rejects.toThrow(
      'label 0 is 2',
    )
    const wrong = sequences.map(() => new Float32Array(3))
    await expect(firstOrderImportance(whole, sequences, { labels: wrong })).rejects.toThrow('has 3 probabilities')
  })
})

describe('cutting by it', () => {
  it('the trained kernels agree: zeroed output columns and the layer without the head give the same logits', async () => {
    const zeroed = scaled(1, { head: 2 }, 0)
    const neurons = Array.from({ length: 64 }, (_, f) => f)
    const cut = { ...zeroed, layers: [zeroed.layers[0], sliceLayer(zeroed.layers[1], [0, 1, 3], neurons)] }
    const wanted = await logitsOf(zeroed)
    const found = await logitsOf(cut)
    // f32 sums in another order
    assertWithin(found, Float64Array.from(wanted), 1e-5, 'logits')
  })

  it('finds what the loss does not hear: heads and neurons that add to all features alike, which the norm takes off', async () => {
    const model = structuredClone(whole)
    const deaf = [
      { heads: 2, neurons: 48 },
      { heads: 0, neurons: 16 },
    ]
    const random = createRandom(4)
    deaf.forEach(({ heads, neurons }, i) => {
      const { attentionOutput, output, headSize: D } = model.layers[i]
      for (const [{ weight }, columns] of [
        [attentionOutput, heads * D],
        [output, neurons],
      ] as const)
        for (let k = 0; k < columns; k++) {
          const value = 1 + random.next()
          for (let n = 0; n < weight.N; n++) denseData(weight)[n * weight.K + k] = value
        }
    })
    const measureImportance = (m: ModelWeights) => firstOrderImportance(m, sequences, options)
    const { model: cut, notes } = await applyRecipe(model, 'heads9-ffn1536', { seed: 1, measureImportance })
    expect(cut.layers.map((layer) => [layer.heads, layer.intermediate.weight.N])).toEqual([
      [2, 16],
      [4, 48],
    ])
    expect(notes[0]).toContain(
      'kept 6 of 8 heads and 64 of 128 FFN neurons in 8 rounds; heads per layer 2 4, neurons 16 48',
    )
    // what all features shared was some 100 times what they differ by, and f32 rounded it
    assertWithin(await logitsOf(cut), Float64Array.from(await logitsOf(model)), 1e-4, 'logits')
    // the weights of these parts are the largest there are: cutting by weights keeps them
    const { model: byWeights } = await applyRecipe(model, 'heads9-ffn1536', { seed: 1 })
    const [wanted, found] = [await logitsOf(model), await logitsOf(byWeights)]
    expect(Math.max(...found.map((z, i) => Math.abs(z - wanted[i])))).toBeGreaterThan(1e-2)
  })
})
