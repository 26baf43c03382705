// Models whose linear layers are chains of factors: trained as they are, shared factors as one.

import { describe, expect, it } from 'vitest'
import { layoutOf } from '../../kernels/train/layout.ts'
import { assertWithin } from '../../kernels/testing/compare.ts'
import type { ChainWeight, DenseWeight } from '../../kernels/program/weights.ts'
import { denseWeight } from '../compress/dense.ts'
import { factorizeTucker } from '../compress/factorize-tucker.ts'
import { masksFor } from '../compress/prune.ts'
import { memoryFiles } from '../io/folder.ts'
import { loadModelFiles } from '../model/load.ts'
import { encodeModel } from '../model/save.ts'
import { bert } from '../families/bert.ts'
import { linearStem } from '../families/names.ts'
import { LAYER_LINEARS, linearLayers, type LayerLinear, type ModelWeights } from '../model/weights.ts'
import { createRandom } from '../../kernels/program/random.ts'
import { calibrate } from './calibrate.ts'
import { modelOf, parametersOf, placeMasks, shapeOfModel } from './convert.ts'
import { initializeModel, trainClassifier, type TrainExample } from '../train.ts'
import { TOY } from '../../testing/toy-task.ts'

const random = createRandom(4)

function factor(N: number, K: number): DenseWeight {
  const data = Float32Array.from({ length: N * K }, () => ((random.next() * 2 - 1) * 1.7) / Math.sqrt(K))
  return { kind: 'f32', N, K, data }
}

const chain = (...factors: DenseWeight[]): ChainWeight => ({
  kind: 'chain',
  N: factors.at(-1)!.N,
  K: factors[0].K,
  factors,
})

/** Outer factors of a role shared by both layers, cores of their own; queries and keys begin alike; a value stays dense. */
function chained(): ModelWeights {
  const model = initializeModel(TOY, 1)
  const first = factor(12, 32)
  for (const role of LAYER_LINEARS) {
    const { N, K } = model.layers[0][role].weight
    const isProjection = role === 'query' || role === 'key' || role === 'value'
    const [before, after] = [isProjection ? first : factor(12, K), factor(N, 10)]
    for (const layer of model.layers) layer[role] = { ...layer[role], weight: chain(before, factor(10, 12), after) }
  }
  const dense = initializeModel(TOY, 2)
  model.layers[1].value = dense.layers[1].value
  model.layers[0].output = { ...model.layers[0].output, weight: chain(factor(9, 64), factor(32, 9)) }
  return model
}

/** Label 1: token 9 stands somewhere among others; label 0: token 7 does. */
function toy(count: number, seed: number): TrainExample[] {
  const draw = createRandom(seed)
  return Array.from({ length: count }, (_, i) => {
    const middle = Array.from({ length: 4 + draw.int(8) }, () => 10 + draw.int(40))
    middle[draw.int(middle.length)] = i % 2 ? 9 : 7
    return { ids: Int32Array.from([2, ...middle, 3]), label: i % 2 }
  })
}

function dataOf(model: ModelWeights, layer: number, role: LayerLinear, index: number): Float32Array {
  const { weight } = model.layers[layer][role]
  if (weight.kind !== 'chain') throw new Error(`${role} of layer ${layer} is ${weight.kind}`)
  return (weight.factors[index] as DenseWeight).data
}

/** Which arrays of the model's linear layers are one: for each, the position of its first use. */
function sharing(model: ModelWeights): number[] {
  const all = [...linearLayers(model)].flatMap(({ linear: { weight } }) =>
    (weight.kind === 'chain' ? weight.factors : [weight]).map((leaf) => (leaf as DenseWeight).data),
  )
  return all.map((data) => all.indexOf(data))
}

function multipliedOut(model: ModelWeights): ModelWeights {
  const copy = structuredClone(model)
  for (const { linear } of linearLayers(copy)) linear.weight = denseWeight(linear.weight)
  return copy
}

describe('training a model of chains', () => {
  const start = chained()
  const examples = toy(256, 1)

  it('converts there and back without loss, and one array is one tensor', () => {
    const shape = shapeOfModel(start)
    // the dense value, pooler and classifier are the only arrays that are no factors
    expect(shape.factors).toHaveLength(new Set(sharing(start)).size - 3)
    const layout = layoutOf(shape)
    const back = modelOf(start, layout, parametersOf(start, layout))
    expect(back).toEqual(start)
    expect(sharing(back)).toEqual(sharing(start))
    expect(dataOf(back, 0, 'query', 0)).not.toBe(dataOf(start, 0, 'query', 0))
  })

  it('learns, and gives back a model that shares what was shared', async () => {
    const held = toy(128, 2)
    const options = { epochs: 15, learningRate: 3e-3, dropout: 0, validation: held }
    const { model, losses, validation } = await trainClassifier(start, examples, options)
    expect(losses[0]).toBeGreaterThan(0.6)
    expect(losses.at(-1)!).toBeLessThan(0.1)
    expect(validation.at(-1)!.accuracy).toBeGreaterThan(0.95)
    expect(sharing(model)).toEqual(sharing(start))
    expect(dataOf(model, 1, 'intermediate', 2)).not.toEqual(dataOf(start, 1, 'intermediate', 2))
  })

  it('takes what tucker makes, and files keep it', async () => {
    const { model } = await factorizeTucker(initializeModel({ ...TOY, layers: 4 }, 1), 0.25, { seed: 1 })
    const trained = (await trainClassifier(model, examples, { steps: 3, learningRate: 1e-3 })).model
    expect(new Set(sharing(model)).size).toBeLessThan(sharing(model).length)
    expect(sharing(trained)).toEqual(sharing(model))
    const { weights } = await loadModelFiles(memoryFiles(encodeModel(trained), 'folder'))
    expect(sharing(weights)).toEqual(sharing(model))
    expect(dataOf(weights, 3, 'output', 0)).toEqual(dataOf(trained, 3, 'output', 0))
    expect(dataOf(trained, 3, 'output', 0)).not.toEqual(dataOf(model, 3, 'output', 0))
  })

  it('gives the same bits on one thread and on two', async () => {
    const run = async (threads: number): Promise<ModelWeights> =>
      (await trainClassifier(start, examples, { steps: 4, threads })).model
    expect(await run(2)).toEqual(await run(1))
  })

  it('starts from what the multiplied-out model says', async () => {
    const dense = multipliedOut(start)
    const loss = async (model: ModelWeights): Promise<number> =>
      (await trainClassifier(model, examples, { steps: 1, dropout: 0, batch: 64 })).losses[0]
    expect(Math.abs((await loss(dense)) - (await loss(start)))).toBeLessThan(1e-5)
  })

  it('sums the inputs of chains as of the same layers multiplied out', async () => {
    const dense = multipliedOut(start)
    const sequences = examples.slice(0, 40).map(({ ids }) => ids)
    const [found, wanted] = [await calibrate(start, sequences), await calibrate(dense, sequences)]
    expect([...found.keys()]).toEqual([...wanted.keys()])
    for (const [stem, { gram, rows }] of wanted) {
      expect(found.get(stem)!.rows).toBe(rows)
      const most = gram.reduce((m, x) => Math.max(m, Math.abs(x)), 0)
      assertWithin(found.get(stem)!.gram, gram, 1e-5 * most, stem)
    }
  })

  it('keeps masked elements of a factor at zero', async () => {
    const key = `${linearStem(bert, 1, 'output')}.factors.1`
    const mask = Uint8Array.from({ length: 10 * 12 }, (_, i) => i % 2)
    const { model } = await trainClassifier(start, examples, { steps: 3, masks: { [key]: mask } })
    expect(dataOf(model, 1, 'output', 1).every((w, i) => (w === 0) === (mask[i] === 0))).toBe(true)
    expect(() => placeMasks(start, layoutOf(shapeOfModel(start)), { [key.slice(0, -10)]: mask })).toThrow(
      'no linear layer bert.encoder.layer.1.output.dense to mask',
    )
  })

  it('takes the masks that pruning makes of factors', async () => {
    const masks = masksFor(start, { kind: 'unstructured', sparsity: 0.5 })
    const { model } = await trainClassifier(start, examples, { steps: 2, masks })
    const key = `${linearStem(bert, 1, 'output')}.factors.1`
    expect(masks[key].includes(0)).toBe(true)
    expect(dataOf(model, 1, 'output', 1).every((w, i) => (w === 0) === (masks[key][i] === 0))).toBe(true)
  })

  it('says which chains it does not take', () => {
    const change = (edit: (model: ModelWeights) => void): (() => unknown) => {
      const model = structuredClone(start)
      edit(model)
      return () => shapeOfModel(model)
    }
    const quantize = (model: ModelWeights): void => {
      const weight = model.layers[1].key.weight as ChainWeight
      weight.factors[1] = { kind: 'int8', N: 10, K: 12, data: new Int8Array(120), scales: new Float32Array(10) }
    }
    expect(change(quantize)).toThrow('factor 1 of bert.encoder.layer.1.attention.self.key is int8, training needs f32')
    expect(change((model) => (model.pooler!.weight = chain(factor(8, 32), factor(32, 8))))).toThrow(
      'bert.pooler.dense is a chain',
    )
    const square = factor(12, 12)
    const flipped = { ...square, N: 6, K: 24 }
    expect(
      change(({ layers }) => {
        layers[0].query.weight = chain(factor(12, 32), square, factor(32, 12))
        layers[1].query.weight = chain(factor(24, 32), flipped, factor(32, 6))
      }),
    ).toThrow('one array is a factor [12, 12] and, in bert.encoder.layer.1.attention.self.query, [6, 24]')
    expect(change(({ layers }) => (layers[0].value.weight = layers[1].value.weight))).toThrow(
      'layer.1.attention.self.value has its array from another layer',
    )
  })
})
