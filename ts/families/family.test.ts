// A family that differs from BERT in all that a `Family` says: it opens, saves, counts and exports by its own names.
import { describe, expect, it } from 'vitest'
import { runReference } from '../../kernels/reference.ts'
import { SMALL } from '../../testing/models.ts'
import { decodeOnnx } from '../../testing/onnx/decode.ts'
import { evaluateOnnx } from '../../testing/onnx/evaluate.ts'
import { quantizeLinears } from '../compress/quantize.ts'
import { memoryFiles } from '../io/folder.ts'
import { encodeSafetensors } from '../io/safetensors.ts'
import { buildProgram } from '../model/bert.ts'
import { loadModelFiles, openModelFrom } from '../model/load.ts'
import { randomModel } from '../model/preset.ts'
import { encodeModel, modelTensors } from '../model/save.ts'
import { linearLayers } from '../model/weights.ts'
import { encodeOnnx } from '../onnx/export.ts'
import { inspectFiles, inspectModel } from '../recipe/ledger.ts'
import { bert } from './bert.ts'
import type { Family } from './family.ts'
import { addFamily, familyOf, loadFamily } from './index.ts'

const other: Family = {
  modelTypes: ['other', 'another'],
  classPrefix: 'Other',
  prefix: 'other.',
  tensors: {
    word: 'other.embeddings.words',
    position: 'other.embeddings.places',
    type: null,
    embeddingNorm: 'other.embeddings.norm',
    layer: (index) => `other.transformer.${index}`,
    linears: {
      query: 'attention.q',
      key: 'attention.k',
      value: 'attention.v',
      attentionOutput: 'attention.out',
      intermediate: 'ffn.first',
      output: 'ffn.second',
    },
    norms: { attention: 'first_norm', output: 'second_norm' },
  },
  ignored: /rope$/,
  renamed: [[/\.beta$/, '.bias']],
  positions: 'after-padding',
  head: {
    dense: { stem: 'head.dense', activation: 'gelu' },
    pooler: null,
    classifier: 'head.out',
    tokenClassifier: 'head.out',
  },
  config: {
    sizes: {
      ...bert.config.sizes,
      hiddenSize: { key: 'dim' },
      typeVocabSize: { fixed: 1 },
      layerNormEpsilon: { fixed: 1e-5 },
    },
    activation: { key: 'activation', otherwise: 'gelu' },
    written: { pad_token_id: 1 },
    refuse: (json) => (json.sinusoidal_pos_embds ? 'sinusoidal positions are not computed here' : null),
  },
  tokenizer: { lowercase: false },
}
addFamily(other)

const CONFIG = { ...SMALL, family: 'another', typeVocabSize: 1, layerNormEpsilon: 1e-5, paddingId: 1 }
const model = randomModel(CONFIG, 3)
const files = encodeModel(model)
const BATCH = { offsets: Int32Array.of(0, 3, 7), ids: Int32Array.of(1, 2, 3, 4, 5, 6, 7), types: new Int32Array(7) }
const open = (changed: Record<string, string | Uint8Array<ArrayBuffer>>) =>
  loadModelFiles(memoryFiles(changed, 'folder'))
const largest = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (x, i) => Math.abs(x - b[i])))

describe('a family', () => {
  it('has its own keys in config.json', () => {
    const json = JSON.parse(files['config.json'] as string)
    expect(json).toMatchObject({
      architectures: ['OtherForSequenceClassification'],
      model_type: 'another',
      dim: 24,
      max_position_embeddings: 18,
      activation: 'gelu',
      pad_token_id: 1,
    })
    for (const key of ['hidden_size', 'type_vocab_size', 'layer_norm_eps', 'hidden_act'])
      expect(json[key]).toBeUndefined()
  })

  it('has its own names, no table of types, and rows of positions that no token reads', () => {
    const { tensors } = modelTensors(model)
    const shapes = new Map(tensors.map(({ name, shape }) => [name, shape]))
    expect([...shapes.keys()].filter((name) => !/^(other|head)\./.test(name))).toEqual([])
    expect(shapes.get('other.embeddings.places.weight')).toEqual([18, 24])
    expect(shapes.get('other.transformer.1.ffn.first.weight')).toEqual([40, 24])
    expect(shapes.get('head.out.bias')).toEqual([2])
    expect([...linearLayers(model)].at(-2)!.stem).toBe('head.dense')
    expect(tensors).toHaveLength(2 + 2 + 2 * (6 * 2 + 4) + 4)
  })

  it('opens as it was saved: what types added is in the positions', async () => {
    const { weights } = await open(files)
    expect(weights.config).toEqual({ ...CONFIG, lowercase: false })
    expect(weights.embeddings.position.rows).toBe(16)
    expect([...weights.embeddings.type.data]).toEqual(new Array(24).fill(0))
    const before = runReference(buildProgram(model, 'logits'), BATCH)
    expect(largest(runReference(buildProgram(weights, 'logits'), BATCH), before)).toBeLessThan(1e-6)
    expect(encodeModel(weights)).toEqual(files)
    const stored = await openModelFrom(memoryFiles(files, 'folder'))
    const { position } = stored.weights.embeddings
    expect(position).toEqual(weights.embeddings.position)
    expect(stored.weights.embeddings.before).toEqual(weights.embeddings.before)
  })

  it('opens without the prefix, by older names, past what it ignores, without a head that it does not use', async () => {
    const tensors = modelTensors(model).tensors.filter(({ name }) => !name.startsWith('head.out'))
    const renamed = tensors.map((tensor) => ({
      ...tensor,
      name: tensor.name.replace('other.', '').replace(/_norm\.bias$/, '_norm.beta'),
    }))
    renamed.push({ name: 'rope', dtype: 'F32', shape: [1], data: Float32Array.of(1) })
    const json = JSON.parse(files['config.json'] as string)
    const { weights } = await open({
      'config.json': JSON.stringify({ ...json, architectures: ['OtherModel'] }),
      'model.safetensors': encodeSafetensors(renamed),
    })
    expect(weights.classifier).toBeNull()
    expect(weights.pooler).toBeNull()
    expect(weights.layers[1].outputNorm).toEqual(model.layers[1].outputNorm)
  })

  it('is counted to the byte, compressed too', async () => {
    const compressed = quantizeLinears(model).model
    for (const counted of [model, compressed]) {
      const encoded = encodeModel(counted)
      const { length } = encoded['model.safetensors']
      expect((await inspectFiles(memoryFiles(encoded, 'folder'))).bytes).toBe(length)
      expect(inspectModel(counted, { header: true }).bytes).toBe(length)
    }
    expect((await open(encodeModel(compressed))).weights.layers[0].query).toEqual(compressed.layers[0].query)
  })

  it('is exported with the inputs and the head that it has', async () => {
    const { weights } = await open(files)
    const graph = decodeOnnx(encodeOnnx(weights))
    const input = (data: number[]) => ({ dims: [1, 4], data: Float64Array.from(data) })
    const ids = [4, 5, 6, 7]
    const [[, { data }]] = evaluateOnnx(graph, { input_ids: input(ids), attention_mask: input([1, 1, 1, 1]) })
    const batch = { offsets: Int32Array.of(0, 4), ids: Int32Array.from(ids), types: new Int32Array(4) }
    expect(largest(data, runReference(buildProgram(weights, 'logits'), batch))).toBeLessThan(1e-5)
  })

  it('refuses by name what it does not compute', async () => {
    const json = JSON.parse(files['config.json'] as string)
    const withKey = (key: string, value: unknown) =>
      open({ ...files, 'config.json': JSON.stringify({ ...json, [key]: value }) })
    await expect(withKey('sinusoidal_pos_embds', true)).rejects.toThrow(/config.json: sinusoidal positions are not/)
    await expect(withKey('dim', undefined)).rejects.toThrow(/dim is undefined, expected a whole number from 1/)
    await expect(withKey('max_position_embeddings', 2)).rejects.toThrow(/is 2, expected a whole number from 3/)
    await expect(withKey('activation', 'relu6')).rejects.toThrow(/activation is "relu6", expected gelu, /)
    await expect(withKey('model_type', 'gpt2')).rejects.toThrow(/model_type is "gpt2", expected "bert" or .*"other"/)
  })

  it('must be loaded where a model of it is used', async () => {
    expect(() => familyOf({ family: 'gpt2' })).toThrow(/'gpt2' is not loaded/)
    expect(await loadFamily('gpt2')).toBeNull()
    expect(familyOf({})).toBe(bert)
    expect(familyOf({ family: 'another' })).toBe(other)
  })
})

it.each([
  ['is_decoder', true, /is_decoder is true, expected an encoder/],
  ['add_cross_attention', true, /add_cross_attention is true/],
  ['position_embedding_type', 'relative_key', /position_embedding_type is "relative_key", expected "absolute"/],
])('BERT with %s is refused', async (key, value, message) => {
  const plain = encodeModel(randomModel(SMALL))
  const json = { ...JSON.parse(plain['config.json'] as string), [key]: value }
  await expect(open({ ...plain, 'config.json': JSON.stringify(json) })).rejects.toThrow(message)
})
