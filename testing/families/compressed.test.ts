// Every family compressed, saved, opened, counted and exported.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { runReference } from '../../kernels/reference.ts'
import { GPU_DEVICES, WASM_DEVICES } from '../../kernels/testing/devices.ts'
import { deviceOf } from '../../kernels/testing/suite.ts'
import { readProgram } from '../../kernels/program/stored-weights.ts'
import { memoryFiles, type ModelFiles } from '../../ts/io/folder.ts'
import { buildProgram, type ModelOutput } from '../../ts/model/bert.ts'
import { loadModel, loadModelFiles, openModelFrom } from '../../ts/model/load.ts'
import { encodeModel, modelTensors } from '../../ts/model/save.ts'
import type { ModelWeights } from '../../ts/model/weights.ts'
import { encodeOnnx } from '../../ts/onnx/export.ts'
import { applyRecipe } from '../../ts/recipe/apply.ts'
import { inspectFiles, inspectModel } from '../../ts/recipe/ledger.ts'
import { decodeOnnx } from '../onnx/decode.ts'
import { evaluateOnnx, type Value } from '../onnx/evaluate.ts'
import { batchOf, FIXTURES, type ExpectedInput } from './fixtures.ts'

const SEEDED = { seed: 1 }

const RECIPES = ['q8', 'q8+e8', 'e8', 'sp50', 'svd:0.5', 'tucker:0.5', 'svd:0.5+q8+e8', 'nm2:4']

const open = async (files: Record<string, string | Uint8Array<ArrayBuffer>>): Promise<ModelWeights> =>
  (await loadModelFiles(memoryFiles(files, 'folder'))).weights

const mainOutput = ({ classifier, config }: ModelWeights): ModelOutput => {
  if (!classifier) return 'hidden'
  return config.task === 'token-classification' ? 'token-logits' : 'logits'
}

const largest = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  a.length === b.length ? Math.max(...Array.from(a, (x, i) => Math.abs(x - b[i]))) : NaN

/** All inputs side by side, padded, as other runtimes take them. */
function padded(inputs: readonly ExpectedInput[], padding: number): Record<string, Value> {
  const T = Math.max(...inputs.map(({ ids }) => ids.length))
  const value = (rowOf: (input: ExpectedInput) => number[], filler: number): Value => ({
    dims: [inputs.length, T],
    data: Float64Array.from(inputs.flatMap((input) => Array.from({ length: T }, (_, t) => rowOf(input)[t] ?? filler))),
  })
  return {
    input_ids: value(({ ids }) => ids, padding),
    attention_mask: value(({ ids }) => ids.map(() => 1), 0),
    token_type_ids: value(({ ids, type_ids }) => type_ids ?? ids.map(() => 0), 0),
  }
}

describe.each(FIXTURES)('$name', ({ folder, expected }) => {
  const batch = batchOf(expected.inputs)
  const run = (model: ModelWeights): Float64Array =>
    runReference(buildProgram(model, mainOutput(model), { normalize: false }), batch)

  it('is saved as its own family, keys and all, and opens again bit for bit', async () => {
    const { weights } = await loadModel(folder)
    const files = encodeModel(weights)
    expect(await open(files)).toEqual(weights)
    const parse = (text: string) => JSON.parse(text) as Record<string, unknown>
    const { dtype: _, ...given } = parse(readFileSync(`${folder}/config.json`, 'utf8'))
    const now = parse(files['config.json'] as string)
    expect(now).toMatchObject(given)
    expect(now.compression).toBeUndefined()
  })

  it.each(RECIPES)('keeps its numbers through a file and is counted to the byte: %s', async (recipe) => {
    const { weights } = await loadModel(folder)
    const { model } = await applyRecipe(weights, recipe, SEEDED)
    const files = encodeModel(model)
    const { length } = files['model.safetensors']
    expect((await inspectFiles(memoryFiles(files, 'folder'))).bytes).toBe(length)
    expect(inspectModel(model, { header: true }).bytes).toBe(length)
    const opened = await open(files)
    expect(opened.config).toEqual(model.config)
    expect(largest(run(opened), run(model))).toBe(0)
  })

  it('gives the ONNX graph that PyTorch would: padded batches, inputs, heads', async () => {
    const { weights } = await loadModel(folder)
    const { model } = await applyRecipe(weights, 'q8+e8', SEEDED)
    for (const exported of [weights, model]) {
      const graph = decodeOnnx(encodeOnnx(exported, { activations: 'per-row' }))
      const inputs = padded(expected.inputs, weights.config.paddingId ?? 0)
      const given = Object.fromEntries(graph.inputs.map((name) => [name, inputs[name]]))
      const [[, { data, dims }]] = evaluateOnnx(graph, given)
      const [B, width] = [dims[0], dims.at(-1)!]
      // rows of tokens beyond a text's end are nobody's
      const T = dims.length === 3 ? dims[1] : 1
      const rows = Array.from({ length: B }, (_, b) => {
        const kept = dims.length === 3 ? expected.inputs[b].ids.length : 1
        return [...data.subarray(b * T * width, (b * T + kept) * width)]
      }).flat()
      expect(largest(rows, run(exported))).toBeLessThan(1e-4)
    }
  })
})

describe('a layer that is applied several times', () => {
  const albert = FIXTURES.find(({ name }) => name === 'albert-classification')!

  it('is stored once, dense, as factors and in int8', async () => {
    const { weights } = await loadModel(albert.folder)
    expect(weights.config.layers).toBe(2)
    for (const recipe of ['e8', 'q8', 'svd:0.5', 'svd:0.5+q8']) {
      const { model } = await applyRecipe(weights, recipe, SEEDED)
      expect(model.layers).toHaveLength(1)
      const names = modelTensors(model).tensors.map(({ name }) => name)
      expect(names.filter((name) => name.includes('albert_layer_groups.1'))).toEqual([])
    }
  })

  it('is read once, though it is packed as often as it is applied', async () => {
    const { folder, expected } = albert
    const files = memoryFiles(encodeModel((await loadModel(folder)).weights), 'folder')
    const released: ModelFiles = {
      ...files,
      open: async (name) => {
        const source = await files.open(name)
        if (!source) return null
        const read = new Set<number>()
        return {
          size: source.size,
          name: source.name,
          read: async (position, into) => {
            if (position > 8 && read.has(position)) throw new Error(`byte ${position} is read twice`)
            read.add(position)
            await source.read(position, into)
          },
          close: () => source.close(),
        }
      },
    }
    const { weights, close } = await openModelFrom(released, { readOnce: true })
    const program = await readProgram(buildProgram(weights, 'logits'))
    await close()
    const batch = batchOf(expected.inputs)
    const { weights: whole } = await loadModel(folder)
    expect(largest(runReference(program, batch), runReference(buildProgram(whole, 'logits'), batch))).toBe(0)
  })

  it.each([WASM_DEVICES[0], GPU_DEVICES[0]])('is packed once on $name, however often it is applied', async (test) => {
    const { weights } = await loadModel(albert.folder)
    const device = await deviceOf(test)
    // on WebAssembly the two norms of an application are placed again: two vectors of C each
    const ofNorms = device.info().kind === 'cpu' ? 2 * 2 * 2 * weights.config.hiddenSize * 4 : 0
    for (const recipe of ['q8', 'svd:0.5', 'sp50x4+q8', 'nm2:4']) {
      const { model } = await applyRecipe(weights, recipe, SEEDED)
      const bytesOf = async (layers: number): Promise<number> => {
        const applied = { ...model, config: { ...model.config, layers } }
        const session = await device.load(buildProgram(applied, 'hidden'))
        const { weightBytes } = session.stats()
        session.dispose()
        return weightBytes
      }
      expect(await bytesOf(4), recipe).toBe((await bytesOf(2)) + ofNorms)
    }
  })

  it('has no heads or neurons to spare for one use alone', async () => {
    const { weights } = await loadModel(albert.folder)
    await expect(applyRecipe(weights, 'heads6-ffn1536', SEEDED)).rejects.toThrow(
      /albert model is applied several times/,
    )
    expect(() => inspectModel(weights, { recipe: 'heads6-ffn1536' })).toThrow(/albert model is applied several times/)
  })
})

it('activations are read by name and written as they came', async () => {
  const { folder, expected } = FIXTURES.find(({ name }) => name === 'bert-binary')!
  const { weights } = await loadModel(folder)
  const files = encodeModel(weights)
  const batch = batchOf(expected.inputs)
  for (const [hidden_act, logits] of Object.entries(expected.hidden_act!)) {
    const json = { ...JSON.parse(files['config.json'] as string), hidden_act } as Record<string, unknown>
    const model = await open({ ...files, 'config.json': JSON.stringify(json) })
    expect(largest(runReference(buildProgram(model, 'logits'), batch), logits.flat()), hidden_act).toBeLessThan(1e-6)
    expect((JSON.parse(encodeModel(model)['config.json'] as string) as typeof json).hidden_act).toBe(hidden_act)
  }
})
