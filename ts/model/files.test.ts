import { mkdir, mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { memoryFiles } from '../io/folder.ts'
import { encodeSafetensors, memorySource, openSafetensors, readStored, type TensorToWrite } from '../io/safetensors.ts'
import { loadModel, loadModelFiles } from './load.ts'
import { encodeModel, modelTensors, saveModel } from './save.ts'
import { FORMS, SMALL, syntheticModel } from './synthetic.ts'
import type { ModelWeights } from './weights.ts'

const root = await mkdtemp(join(tmpdir(), 'model-files-'))
afterAll(() => rm(root, { recursive: true }))

const open = (files: Record<string, string | Uint8Array<ArrayBuffer>>, options = {}) =>
  loadModelFiles(memoryFiles(files, 'folder'), options)

/** The files of a model with its tensors and config.json changed. */
async function changed(
  model: ModelWeights,
  change: (tensors: TensorToWrite[]) => TensorToWrite[],
  config: (json: Record<string, any>) => void = () => {},
): Promise<Record<string, string | Uint8Array<ArrayBuffer>>> {
  const files = encodeModel(model)
  const json = JSON.parse(files['config.json'] as string)
  config(json)
  return {
    'config.json': JSON.stringify(json),
    'model.safetensors': encodeSafetensors(change(modelTensors(model).tensors)),
  }
}

const rename = (tensors: TensorToWrite[], to: (name: string) => string) =>
  tensors.map((tensor) => ({ ...tensor, name: to(tensor.name) }))

describe('model folders', () => {
  for (const form of FORMS)
    for (const tables of ['f32', 'int8'] as const)
      it(`gives back every bit: ${form} linears, ${tables} tables`, async () => {
        const model = syntheticModel(form, 3, { all: form !== 'nm' && form !== 'chain3', tables })
        const folder = join(root, `${form}-${tables}`)
        const bytes = await saveModel(model, folder, { files: { 'vocab.txt': '[PAD]\n[UNK]\n' } })
        expect((await readdir(folder)).sort()).toEqual(['config.json', 'model.safetensors', 'vocab.txt'])
        const loaded = await loadModel(folder)
        expect(loaded.weights).toEqual(model)
        expect(loaded.tokenizerFiles).toEqual({ 'vocab.txt': '[PAD]\n[UNK]\n' })
        expect(loaded.fileBytes).toBe((await stat(join(folder, 'model.safetensors'))).size)
        expect(bytes['model.safetensors']).toBe(loaded.fileBytes)
        // and the same through memory, as in a page
        const encoded = encodeModel(model)
        expect((await open(encoded)).weights).toEqual(model)
        expect(await readFile(join(folder, 'config.json'), 'utf8')).toBe(encoded['config.json'])
      })

  it('writes a plain model without a compression block, a compressed one with it', () => {
    expect(JSON.parse(encodeModel(syntheticModel('f32'))['config.json'] as string).compression).toBeUndefined()
    const { compression } = JSON.parse(encodeModel(syntheticModel('int8-1x4'))['config.json'] as string)
    expect(compression.recipe).toBe('int8-1x4')
    expect(compression.linears['bert.encoder.layer.0.output.dense'].kind).toBe('int8-1x4')
  })

  it('keeps uneven heads and widths, linears without bias, bare encoders and multi-label heads', async () => {
    const model = syntheticModel('f32')
    const layer = model.layers[1]
    const cut = (N: number, K: number) => ({ kind: 'f32' as const, N, K, data: new Float32Array(N * K).fill(0.01) })
    layer.heads = 3
    for (const role of ['query', 'key', 'value'] as const)
      layer[role] = { weight: cut(18, 24), bias: new Float32Array(18) }
    layer.attentionOutput = { weight: cut(24, 18), bias: null }
    layer.intermediate = { weight: cut(16, 24), bias: new Float32Array(16) }
    layer.output.weight = cut(24, 16)
    model.config.multiLabel = true
    expect((await open(encodeModel(model))).weights).toEqual(model)
    model.classifier = null
    model.pooler = null
    model.config.labels = []
    delete model.config.multiLabel
    expect((await open(encodeModel(model))).weights).toEqual(model)
  })

  it('stores factors that layers share once, and shares them again', async () => {
    const model = syntheticModel('chain')
    const [first, second] = model.layers.map((layer) => layer.query.weight)
    if (first.kind !== 'chain' || second.kind !== 'chain') throw new Error('expected chains')
    second.factors[0] = { ...first.factors[0] }
    const { tensors, aliases } = modelTensors(model)
    const stems = [0, 1].map((i) => `bert.encoder.layer.${i}.attention.self.query.factors.0.weight`)
    expect(aliases).toEqual({ [stems[1]]: stems[0] })
    expect(tensors.some(({ name }) => name === stems[1])).toBe(false)
    const { weights } = await open(encodeModel(model))
    expect(weights).toEqual(model)
    const data = weights.layers
      .map(({ query }) => query.weight.kind === 'chain' && query.weight.factors[0])
      .map((f) => f && 'data' in f && f.data)
    expect(data[0]).toBe(data[1])
    const files = encodeModel(model)
    const broken = (files['config.json'] as string).replace(`": "${stems[0]}"`, `": "elsewhere"`)
    await expect(open({ ...files, 'config.json': broken })).rejects.toThrow(
      /query.factors.0.weight' should share the bytes of 'elsewhere'/,
    )
  })

  it('reads the names of older and bare Hugging Face files, and leaves other heads aside', async () => {
    const model = syntheticModel('f32')
    const old = await changed(model, (tensors) => [
      ...rename(tensors, (name) =>
        name
          .replace(/^bert\./, '')
          .replace('LayerNorm.weight', 'LayerNorm.gamma')
          .replace('LayerNorm.bias', 'LayerNorm.beta'),
      ),
      { name: 'embeddings.position_ids', dtype: 'I64', shape: [1, 2], data: BigInt64Array.of(0n, 1n) },
      { name: 'cls.predictions.bias', dtype: 'F32', shape: [1], data: Float32Array.of(NaN) },
    ])
    expect((await open(old)).weights).toEqual(model)
  })

  it('reads F16 weights as f32, and files in two parts', async () => {
    const model = syntheticModel('f32')
    const files = await changed(model, (tensors) =>
      tensors.map((t) =>
        t.name === 'bert.pooler.dense.weight' ? { ...t, dtype: 'F16', data: new Uint16Array(24 * 24).fill(0x3800) } : t,
      ),
    )
    const { weights } = await open(files)
    expect(weights.pooler!.weight).toEqual({ kind: 'f32', N: 24, K: 24, data: new Float32Array(576).fill(0.5) })
    const { tensors } = modelTensors(model)
    const split = {
      'config.json': files['config.json'],
      'a.safetensors': encodeSafetensors(tensors.slice(0, 9)),
      'b.safetensors': encodeSafetensors(tensors.slice(9)),
      'model.safetensors.index.json': JSON.stringify({ weight_map: { x: 'a.safetensors', y: 'b.safetensors' } }),
    }
    expect((await open(split)).weights).toEqual(model)
    await expect(
      open({
        ...split,
        'b.safetensors': undefined as unknown as string,
        'model.safetensors.index.json': JSON.stringify({ weight_map: { x: '../b' } }),
      }),
    ).rejects.toThrow(/\.\.\/b, named in/)
  })

  it('takes labels from the caller, the file, or the rows of the classifier', async () => {
    const model = syntheticModel('f32')
    expect((await open(encodeModel(model), { labels: ['no', 'yes'] })).weights.config.labels).toEqual(['no', 'yes'])
    await expect(open(encodeModel(model), { labels: ['one'] })).rejects.toThrow(
      /classifier has 2 outputs, but there are 1 labels/,
    )
    const unnamed = await changed(
      model,
      (tensors) => tensors,
      (json) => delete json.id2label,
    )
    expect((await open(unnamed)).weights.config.labels).toEqual(['LABEL_0', 'LABEL_1'])
  })

  it('knows the case of the tokenizer', async () => {
    const files = encodeModel(syntheticModel('f32'))
    const lowercase = async (extra: Record<string, string>) =>
      (await open({ ...files, ...extra })).weights.config.lowercase
    expect(await lowercase({})).toBe(true)
    expect(await lowercase({ 'tokenizer_config.json': '{"do_lower_case":false}' })).toBe(false)
    expect(await lowercase({ 'tokenizer.json': '{"normalizer":{"lowercase":false}}' })).toBe(false)
    await expect(lowercase({ 'tokenizer_config.json': '{' })).rejects.toThrow(/tokenizer_config.json: not JSON/)
  })

  it('opens an encoder without tables only when asked', async () => {
    const model = syntheticModel('f32')
    const bare = await changed(model, (tensors) => tensors.filter(({ name }) => !name.includes('embeddings')))
    await expect(open(bare)).rejects.toThrow(/'bert.embeddings.word_embeddings.weight' F32 \[37, 24\] is missing/)
    const { weights } = await open(bare, { embeddings: 'optional' })
    expect(weights.embeddings.word.rows).toBe(0)
    expect(weights.layers).toEqual(model.layers)
    const again = await open(encodeModel(weights), { embeddings: 'optional' })
    expect(again.weights).toEqual(weights)
  })

  it('reports progress', async () => {
    const folder = join(root, 'progress')
    await saveModel(syntheticModel('f32'), folder)
    const events: { status: string; file: string; loaded?: number; total?: number }[] = []
    await loadModel(folder, { progress: (event) => events.push(event) })
    expect(events[0]).toMatchObject({ status: 'initiate', file: 'model.safetensors' })
    expect(events.at(-1)).toMatchObject({ status: 'ready' })
    const done = events.find(({ status }) => status === 'done')!
    expect(done.loaded).toBe(done.total)
  })
})

describe('bad model folders', () => {
  const model = syntheticModel('f32')
  const without = (name: string) => (tensors: TensorToWrite[]) => tensors.filter((t) => t.name !== name)
  const set = (key: string, value: unknown) => (json: Record<string, any>) => void (json[key] = value)
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
      set('model_type', 'roberta'),
      /config.json: model_type is "roberta", expected "bert"/,
    ],
    ['another activation', keep, set('hidden_act', 'relu'), /hidden_act is "relu", expected "gelu"/],
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
  ] as [string, (t: TensorToWrite[]) => TensorToWrite[], (json: Record<string, any>) => void, RegExp][])(
    'are refused: %s',
    async (_, change, config, message) => {
      await expect(
        changed(model, change, config === (keep as unknown) ? undefined : config).then((files) => open(files)),
      ).rejects.toThrow(message)
    },
  )

  it.each([
    [
      'a version of the future',
      'int8',
      keep,
      (c: any) => (c.version = 99),
      /compression: version 99, this library reads version 1/,
    ],
    [
      'an unknown kind',
      'int8',
      keep,
      (c: any) => (c.linears['bert.encoder.layer.0.output.dense'].kind = 'int3'),
      /output.dense has kind "int3"/,
    ],
    [
      'other dims',
      'int8',
      keep,
      (c: any) => (c.linears['bert.encoder.layer.0.output.dense'].K = 41),
      /output.dense is \[24, 41\], expected \[24, 40\]/,
    ],
    [
      'a stem that is not there',
      'int8',
      keep,
      (c: any) => (c.linears['bert.encoder.layer.7.output.dense'] = {}),
      /names 'bert.encoder.layer.7.output.dense'/,
    ],
    ['no linears', 'int8', keep, (c: any) => delete c.linears, /compression: linears is missing/],
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
      (c: any) => c.linears['bert.encoder.layer.0.output.dense'].factors.pop(),
      /output.dense is a chain of 1 factors/,
    ],
    [
      'factors that do not meet',
      'chain',
      keep,
      (c: any) => (c.linears['bert.encoder.layer.0.output.dense'].factors[0].N = 7),
      /factors.0.weight' is F32 \[8, 40\], expected F32 \[7, 40\]/,
    ],
    [
      'dense weights where int8 is announced',
      'f32',
      keep,
      (c: any) => (c.linears['bert.pooler.dense'] = { kind: 'int8', N: 24, K: 24 }),
      /'bert.pooler.dense.weight' is F32 \[24, 24\], expected I8/,
    ],
  ] as [string, (typeof FORMS)[number], (t: TensorToWrite[]) => TensorToWrite[], (c: any) => unknown, RegExp][])(
    'are refused when compressed: %s',
    async (_, form, change, config, message) => {
      const compressed = syntheticModel(form)
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

  it('are not written: a weight that breaks its law leaves the disk as it was', async () => {
    const broken = syntheticModel('int8')
    const weight = broken.layers[0].query.weight
    if (weight.kind === 'int8') weight.data[0] = -128
    const folder = join(root, 'never')
    await expect(saveModel(broken, folder)).rejects.toThrow(/query.weight: int8 weight .* -128/)
    await expect(stat(folder)).rejects.toThrow(/ENOENT/)
  })
})

describe('safetensors of a model', () => {
  it('lays every tensor at a multiple of its element', async () => {
    const file = await openSafetensors(
      memorySource(encodeModel(syntheticModel('int8'))['model.safetensors'] as Uint8Array<ArrayBuffer>),
    )
    expect(file.tensors.size).toBeGreaterThan(40)
    for (const entry of file.tensors.values())
      expect(entry.start % (await readStored(file, entry)).BYTES_PER_ELEMENT).toBe(0)
    expect(SMALL.layers).toBe(2)
  })
})
