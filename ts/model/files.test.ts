import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { memoryFiles } from '../io/folder.ts'
import { encodeSafetensors, memorySource, openSafetensors, type TensorToWrite } from '../io/safetensors.ts'
import { readStored } from '../io/tensors.ts'
import { factorizeTucker } from '../compress/factorize-tucker.ts'
import { loadModel, loadModelFiles } from './load.ts'
import { encodeModel, modelTensors, saveModel } from './save.ts'
import { randomModel } from './preset.ts'
import { FORMATS, SMALL, syntheticModel, withStaticScales } from '../../testing/models.ts'
import type { ModelWeights } from './weights.ts'

const root = await mkdtemp(join(tmpdir(), 'model-files-'))
afterAll(() => rm(root, { recursive: true }))

/** What a folder holds beside the tokenizer's own files. */
const MODEL_FILES = ['SHA256SUMS', 'config.json', 'model.safetensors', 'tokenizer_config.json']

const open = (files: Record<string, string | Uint8Array<ArrayBuffer>>, options = {}) =>
  loadModelFiles(memoryFiles(files, 'folder'), options)

/** The files of a model with its tensors and config.json changed. */
async function changed(
  model: ModelWeights,
  change: (tensors: TensorToWrite[]) => TensorToWrite[],
  config: (json: Record<string, unknown>) => void = () => {},
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
  for (const format of FORMATS)
    for (const tables of ['f32', 'int8'] as const)
      it(`gives back every bit: ${format} linears, ${tables} tables`, async () => {
        const model = syntheticModel(format, 3, { all: format !== 'nm' && format !== 'chain3', tables })
        const folder = join(root, `${format}-${tables}`)
        const bytes = await saveModel(model, folder, { files: { 'vocab.txt': '[PAD]\n[UNK]\n' } })
        expect((await readdir(folder)).sort()).toEqual([...MODEL_FILES, 'vocab.txt'])
        const loaded = await loadModel(folder)
        expect(loaded.weights).toEqual(model)
        expect(loaded.tokenizerFiles['vocab.txt']).toBe('[PAD]\n[UNK]\n')
        expect(loaded.fileBytes).toBe((await stat(join(folder, 'model.safetensors'))).size)
        expect(bytes['model.safetensors']).toBe(loaded.fileBytes)
        // and the same through memory, as in a page
        const encoded = encodeModel(model)
        expect((await open(encoded)).weights).toEqual(model)
        expect(await readFile(join(folder, 'config.json'), 'utf8')).toBe(encoded['config.json'])
      })

  it('leaves no tokenizer of an earlier model beside the new one', async () => {
    const folder = join(root, 'again')
    const model = syntheticModel('f32')
    await saveModel(model, folder, { files: { 'tokenizer.json': '{}', 'vocab.txt': 'a\n' } })
    await saveModel(model, folder)
    expect(await readdir(folder)).toContain('tokenizer.json')
    await saveModel(model, folder, { files: { 'vocab.txt': 'b\n' } })
    expect((await readdir(folder)).sort()).toEqual([...MODEL_FILES, 'vocab.txt'])
  })

  it('keeps how texts were prepared, in a block of its own', async () => {
    const plain = syntheticModel('f32')
    const preparation = { steps: ['normalise' as const, 'stem' as const], language: 'ru' as const }
    const files = encodeModel({ ...plain, config: { ...plain.config, preparation } })
    expect((await open(files)).weights.config.preparation).toEqual(preparation)
    const json = JSON.parse(files['config.json'] as string)
    expect(json.text_preparation).toEqual({ version: 1, ...preparation })
    expect(json.compression).toBeUndefined()
    const none = encodeModel({ ...plain, config: { ...plain.config, preparation: { steps: [], language: 'auto' } } })
    expect((await open(none)).weights.config.preparation).toBeUndefined()
  })

  it('stores cores that layers mix from common ones as the mixture, and gives back every bit', async () => {
    const config = { ...SMALL, labels: [...SMALL.labels], layers: 6 }
    const { model } = await factorizeTucker(randomModel(config, 1), 0.25, { seed: 1, mixed: true })
    const folder = join(root, 'mixed')
    const bytes = await saveModel(model, folder)
    const loaded = await loadModel(folder)
    expect(loaded.weights).toEqual(model)
    // once more, from what was loaded: the basis is still one array
    expect(await saveModel(loaded.weights, join(root, 'mixed-again'))).toEqual(bytes)
    const { tensors, aliases } = modelTensors(model)
    const cores = tensors.filter(({ name }) => name.includes('query') && name.includes('factors.1.'))
    // three common cores of [6, 6], and how each of six layers mixes them
    expect(cores.map(({ shape }) => shape)).toEqual([[3, 6, 6], ...Array.from({ length: 6 }, () => [3])])
    expect(Object.keys(aliases).filter((name) => name.endsWith('query.factors.1.weight.basis'))).toHaveLength(5)
    const files = await changed(
      model,
      (all) => all,
      (json) => {
        const { linears } = json.compression as { linears: Record<string, { factors: { terms: number }[] }> }
        linears['bert.encoder.layer.0.attention.self.query'].factors[1].terms = 0
      },
    )
    await expect(open(files)).rejects.toThrow('has terms 0, expected a whole number from 1')
    // finite numbers whose product is not
    const large = await changed(model, (all) =>
      all.map((tensor) =>
        /query\.factors\.1\.weight\.(basis|mix)$/.test(tensor.name)
          ? { ...tensor, data: (tensor.data as Float32Array).map(() => 1e20) }
          : tensor,
      ),
    )
    await expect(open({ ...large, 'config.json': encodeModel(model)['config.json'] })).rejects.toThrow(
      /query\.factors\.1\.weight\.mix' times its basis gives Infinity at element 0; weights must be finite/,
    )
  })

  it('gives back calibrated activation scales bit for bit, under a version that older readers refuse', async () => {
    for (const format of ['int8', 'int8-1x4', 'chain-int8'] as const) {
      const model = withStaticScales(syntheticModel(format, 3, { all: true }))
      const files = encodeModel(model)
      expect((await open(files)).weights).toEqual(model)
      expect(JSON.parse(files['config.json'] as string).compression.version).toBe(2)
    }
    const plain = encodeModel(syntheticModel('int8'))
    expect(JSON.parse(plain['config.json'] as string).compression.version).toBe(1)
    const model = withStaticScales(syntheticModel('int8'))
    for (const [bad, message] of [
      ['0.1', 'expected a number'],
      [0.1, 'expected an f32'],
      [-1, 'expected an f32'],
      [1e38, 'expected an f32'],
    ] as const) {
      const files = await changed(
        model,
        (tensors) => tensors,
        (json) => {
          const { linears } = json.compression as { linears: Record<string, { activationScale: unknown }> }
          linears['bert.encoder.layer.0.output.dense'].activationScale = bad
        },
      )
      await expect(open(files)).rejects.toThrow(message)
    }
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
    model.config.problemType = 'multi_label_classification'
    expect((await open(encodeModel(model))).weights).toEqual(model)
    model.classifier = null
    model.pooler = null
    model.config.labels = []
    delete model.config.problemType
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
    ).rejects.toThrow(/names the file "..\/b"/)
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
