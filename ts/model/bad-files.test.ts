import { mkdir, mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { memoryFiles } from '../io/folder.ts'
import { encodeSafetensors, type TensorToWrite } from '../io/safetensors.ts'
import { loadModel, loadModelFiles } from './load.ts'
import { encodeModel, modelTensors, saveModel } from './save.ts'
import { syntheticModel, type WeightFormat } from '../../testing/models.ts'
import type { ModelWeights } from './weights.ts'

const root = await mkdtemp(join(tmpdir(), 'bad-files-'))
afterAll(() => rm(root, { recursive: true }))

const open = (files: Record<string, string | Uint8Array<ArrayBuffer>>, options = {}) =>
  loadModelFiles(memoryFiles(files, 'folder'), options)

/** config.json, to be spoilt at will */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Json = any

/** The files of a model with its tensors and config.json changed. */
async function changed(
  model: ModelWeights,
  change: (tensors: TensorToWrite[]) => TensorToWrite[],
  config: (json: Json) => void = () => {},
): Promise<Record<string, string | Uint8Array<ArrayBuffer>>> {
  const files = encodeModel(model)
  const json = JSON.parse(files['config.json'] as string)
  config(json)
  return {
    'config.json': JSON.stringify(json),
    'model.safetensors': encodeSafetensors(change(modelTensors(model).tensors)),
  }
}

type Change = (tensors: TensorToWrite[]) => TensorToWrite[]

describe('bad model folders', () => {
  const model = syntheticModel('f32')
  const without = (name: string) => (tensors: TensorToWrite[]) => tensors.filter((t) => t.name !== name)
  const set = (key: string, value: unknown) => (json: Json) => void (json[key] = value)
  const keep = (tensors: TensorToWrite[]) => tensors
  const edit =
    (name: string, data: TensorToWrite['data'], rest: Partial<TensorToWrite> = {}) =>
    (tensors: TensorToWrite[]) =>
      tensors.map((t) => (t.name === name ? { ...t, ...rest, data } : t))
  const key = 'bert.encoder.layer.1.attention.self.key.weight'

  it.each([
    [
      'a tensor missing',
      without(key),
      keep,
      /'bert.encoder.layer.1.attention.self.key.weight' F32 \[24, 24\] is missing/,
    ],
    ['a bias missing', without('classifier.bias'), keep, /'classifier.bias' F32 \[2\] is missing/],
    [
      'a classifier missing',
      (t: TensorToWrite[]) => t.filter(({ name }) => !name.startsWith('classifier')),
      keep,
      /'classifier.weight' .* is missing/,
    ],
    [
      'a shape turned',
      edit(key, new Float32Array(12 * 48), { shape: [12, 48] }),
      keep,
      /key.weight' is F32 \[12, 48\], expected F32 \[24, 24\]/,
    ],
    [
      'an integer type',
      edit(key, new Int8Array(576), { dtype: 'I8' }),
      keep,
      /key.weight' is I8 \[24, 24\], expected F32/,
    ],
    [
      'NaN',
      edit(key, new Float32Array(576).fill(NaN)),
      keep,
      /key.weight' holds NaN at element 0; weights must be finite/,
    ],
    [
      'fewer layers than the file',
      keep,
      set('num_hidden_layers', 1),
      /'bert.encoder.layer.1.* has no place in a model of 1 layers/,
    ],
    [
      'another architecture',
      keep,
      set('model_type', 'gpt2'),
      /config.json: model_type is "gpt2", expected "bert" or .*; it is a decoder/,
    ],
    ['another activation', keep, set('hidden_act', 'relu6'), /hidden_act is "relu6", expected gelu, /],
    [
      'a preparation of another release',
      keep,
      set('text_preparation', { version: 2, steps: ['normalise'], language: 'auto' }),
      /text_preparation.version is 2, this library prepares texts by version 1/,
    ],
    [
      'a preparation that is not known',
      keep,
      set('text_preparation', { version: 1, steps: ['lemmatise'], language: 'auto' }),
      /text_preparation.steps is \["lemmatise"\], expected a list of normalise, stopwords, stem/,
    ],
    [
      'a language that is not known',
      keep,
      set('text_preparation', { version: 1, steps: ['stem'], language: 'de' }),
      /text_preparation.language is "de", expected auto, ru, en/,
    ],
    ['relative positions', keep, set('position_embedding_type', 'relative_key'), /position_embedding_type/],
    ['a size that is no number', keep, set('hidden_size', '24'), /hidden_size is "24", expected a whole number/],
    ['a huge size', keep, set('vocab_size', 1e12), /vocab_size is 1000000000000, expected a whole number from 1 to/],
    [
      'heads that do not divide',
      keep,
      set('num_attention_heads', 5),
      /hidden_size 24 is not a multiple of num_attention_heads 5/,
    ],
    ['labels with holes', keep, set('id2label', { 0: 'a', 2: 'b' }), /id2label has no name for 1 of 2 labels/],
    [
      'three labels for two rows',
      keep,
      set('id2label', { 0: 'a', 1: 'b', 2: 'c' }),
      /classifier has 2 outputs, but there are 3 labels/,
    ],
  ] as [string, Change, (json: Json) => void, RegExp][])('are refused: %s', async (_, change, config, message) => {
    await expect(
      changed(model, change, config === (keep as unknown) ? undefined : config).then((files) => open(files)),
    ).rejects.toThrow(message)
  })

  it.each([
    [
      'a version of the future',
      'int8',
      keep,
      (c: Json) => (c.version = 99),
      /compression: version 99, this library reads versions 1 and 2/,
    ],
    [
      'an unknown kind',
      'int8',
      keep,
      (c: Json) => (c.linears['bert.encoder.layer.0.output.dense'].kind = 'int3'),
      /output.dense has kind "int3"/,
    ],
    [
      'other dims',
      'int8',
      keep,
      (c: Json) => (c.linears['bert.encoder.layer.0.output.dense'].K = 41),
      /output.dense is \[24, 41\], expected \[24, 40\]/,
    ],
    [
      'a stem that is not there',
      'int8',
      keep,
      (c: Json) => (c.linears['bert.encoder.layer.7.output.dense'] = {}),
      /names 'bert.encoder.layer.7.output.dense'/,
    ],
    ['a layer that is null', 'int8', keep, (c: Json) => (c.layers[0] = null), /layers\[0\] is null/],
    ['biases by name', 'int8', keep, (c: Json) => (c.withoutBias = {}), /withoutBias is no list/],
    [
      'a factor that is null',
      'chain',
      keep,
      (c: Json) => (Object.values<Json>(c.linears)[0].factors[0] = null),
      /factor 0 is null/,
    ],
    ['no linears', 'int8', keep, (c: Json) => delete c.linears, /compression: linears is missing/],
    [
      '-128 in int8',
      'int8',
      edit(key, new Int8Array(576).fill(-128)),
      () => {},
      /key.weight': int8 weight \[24, 24\] is not valid: data holds -128/,
    ],
    [
      'scales NaN',
      'int8',
      edit(`${key}.scales`, new Float32Array(24).fill(NaN)),
      () => {},
      /key.weight.scales' holds NaN/,
    ],
    [
      'a mask of more columns than values',
      'csr',
      edit(`${key}.mask`, new Uint8Array(24 * 3).fill(255)),
      () => {},
      /key.weight': csr weight \[24, 24\] is not valid: values has \d+ elements, expected 576/,
    ],
    [
      'a mask past the width',
      'int8-1x4',
      edit(`${key}.mask`, new Uint8Array(24).fill(128)),
      () => {},
      /key.weight.mask': row 0 has a bit set past its 6 columns/,
    ],
    [
      'an n:m mask with 3 of 4',
      'nm',
      edit(`${key}.mask`, Uint8Array.of(0x77, 0x33, 0x33)),
      () => {},
      /key.weight': nm weight .* is not valid: indices has 14 elements, expected 12/,
    ],
    [
      'an n:m mask out of its groups',
      'nm',
      edit(`${key}.mask`, Uint8Array.of(0x71, 0x33, 0x33)),
      () => {},
      /key.weight': nm weight .* is not valid: index 4 at 1 is out of order/,
    ],
    [
      'a chain with one factor',
      'chain',
      keep,
      (c: Json) => c.linears['bert.encoder.layer.0.output.dense'].factors.pop(),
      /output.dense is a chain of 1 factors/,
    ],
    [
      'factors that do not meet',
      'chain',
      keep,
      (c: Json) => (c.linears['bert.encoder.layer.0.output.dense'].factors[0].N = 7),
      /factors.0.weight' is F32 \[8, 40\], expected F32 \[7, 40\]/,
    ],
    [
      'dense weights where int8 is announced',
      'f32',
      keep,
      (c: Json) => (c.linears['bert.pooler.dense'] = { kind: 'int8', N: 24, K: 24 }),
      /'bert.pooler.dense.weight' is F32 \[24, 24\], expected I8/,
    ],
  ] as [string, WeightFormat, Change, (c: Json) => unknown, RegExp][])(
    'are refused when compressed: %s',
    async (_, format, change, config, message) => {
      const compressed = syntheticModel(format)
      compressed.config.recipe = 'x'
      const files = await changed(compressed, change, (json) => void config(json.compression))
      await expect(open(files)).rejects.toThrow(message)
    },
  )

  it('are refused with the file that is missing or cut', async () => {
    const folder = join(root, 'bad')
    await expect(loadModel(folder, { localFilesOnly: true })).rejects.toThrow(/there is no folder .*bad/)
    await mkdir(folder)
    await expect(loadModel(folder)).rejects.toThrow(/bad: config.json is missing/)
    const files = encodeModel(model)
    await writeFile(join(folder, 'config.json'), files['config.json'])
    await expect(loadModel(folder)).rejects.toThrow(/bad: model.safetensors is missing/)
    const path = join(folder, 'model.safetensors')
    await writeFile(path, files['model.safetensors'])
    await truncate(path, files['model.safetensors'].length - 5)
    await expect(loadModel(folder)).rejects.toThrow(
      /model.safetensors: not a valid safetensors file: tensor '.*' ends at byte .* truncated/,
    )
    await writeFile(join(folder, 'config.json'), '{')
    await expect(loadModel(folder)).rejects.toThrow(/config.json: not JSON/)
    await expect(loadModel('preset:nope')).rejects.toThrow(/no preset 'nope'; the presets are mbert/)
  })

  it('are not written: a weight that breaks its rules leaves the disk as it was', async () => {
    const broken = syntheticModel('int8')
    const weight = broken.layers[0].query.weight
    if (weight.kind === 'int8') weight.data[0] = -128
    const folder = join(root, 'never')
    await expect(saveModel(broken, folder)).rejects.toThrow(/query.weight: int8 weight .* -128/)
    await expect(stat(folder)).rejects.toThrow(/ENOENT/)
  })
})
