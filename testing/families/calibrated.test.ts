// Every family is calibrated, compressed by what its layers see, and brought into a budget.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Device } from '../../kernels/program/device.ts'
import { runReference } from '../../kernels/reference.ts'
import { compressToBudget } from '../../ts/compress.ts'
import { openDevice } from '../../ts/inference/devices.ts'
import { predict } from '../../ts/inference/logits.ts'
import { memoryFiles } from '../../ts/io/folder.ts'
import { buildProgram } from '../../ts/model/bert.ts'
import { loadModelFiles } from '../../ts/model/load.ts'
import { encodeModel, modelTensors } from '../../ts/model/save.ts'
import { appliedLayers, linearLayers, type ModelWeights } from '../../ts/model/weights.ts'
import { applyRecipe } from '../../ts/recipe/apply.ts'
import { inspectModel } from '../../ts/recipe/ledger.ts'
import { calibrate } from '../../ts/train/calibrate.ts'
import { batchOf } from './fixtures.ts'
import { fixture, logitsOf, opened, TRAINED } from './trained.ts'

const RECIPES = ['wanda50', 'wsvd:0.5', 'q8:static+e8']

let device: Device
beforeAll(async () => {
  device = (await openDevice({ device: 'cpu', threads: 1 })).device
})
afterAll(() => device.dispose())

const run = (model: ModelWeights, name: string): Float64Array =>
  runReference(buildProgram(model, 'logits'), batchOf(fixture(name).expected.inputs))

describe.each(TRAINED)('%s', (name) => {
  it('is compressed by what every layer sees, all applications of it, and opens again', async () => {
    const { weights, examples } = await opened(name)
    const sequences = examples.map(({ ids }) => ids)
    const types = examples.map((example) => example.types!)
    const calibration = await calibrate(weights, sequences, { types, threads: 1 })
    expect([...calibration.keys()]).toEqual([...linearLayers(weights)].map(({ stem }) => stem))
    const tokens = sequences.reduce((sum, { length }) => sum + length, 0)
    const uses = appliedLayers(weights).length / weights.layers.length
    for (const { stem, layer } of linearLayers(weights))
      if (layer !== null) expect([stem, calibration.get(stem)!.rows]).toEqual([stem, uses * tokens])
    for (const recipe of RECIPES) {
      const { model } = await applyRecipe(weights, recipe, { seed: 1, calibration })
      const { weights: again } = await loadModelFiles(memoryFiles(encodeModel(model), 'folder'))
      expect(run(again, name)).toEqual(run(model, name))
    }
  })
})

describe.each(['mpnet-classification', 'albert-classification'])('%s', (name) => {
  it('is brought into a budget of bytes, and the ledger is of its own tensors', async () => {
    const { weights, examples } = await opened(name)
    const sequences = examples.map(({ ids }) => ids)
    const plain = examples.map(({ ids, label }) => ({ ids, types: new Int32Array(ids.length), label }))
    const labels = predict(Float32Array.from(logitsOf(weights, plain)), weights.config.labels.length)
    const texts = { calibration: sequences, development: sequences, labels, tokens: 16, notes: [] }
    const whole = inspectModel(weights, { header: true }).bytes
    const goal = { kind: 'bytes' as const, limit: Math.floor(0.9 * whole) }
    const { model, ledger } = await compressToBudget({ model: weights, goal, texts, tokens: 16, device, seed: 1 })
    expect(ledger.bytes.after).toBeLessThanOrEqual(goal.limit)
    expect(ledger.bytes.after).toBe(inspectModel(model, { header: true }).bytes)
    const { tensors } = modelTensors(model)
    for (const { stem, bytesAfter } of ledger.layers) {
      const own = tensors.filter((tensor) => tensor.name.startsWith(`${stem}.`) && !tensor.name.endsWith('.bias'))
      expect([stem, own.reduce((sum, { data }) => sum + data.byteLength, 0)]).toEqual([stem, bytesAfter])
    }
    expect(ledger.layers).toHaveLength(weights.layers.length * 6 + 2)
    expect(ledger.ms.estimated).toBeGreaterThan(0)
  })
})
