// What lies beside a model's weights: files that a step does not touch stay, and folders without weights that can be read
// say what they have and what to do.

import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { syntheticModel } from '../../testing/models.ts'
import { loadModel } from './load.ts'
import { encodeModel, saveModel } from './save.ts'

const root = await mkdtemp(join(tmpdir(), 'beside-'))
afterAll(() => rm(root, { recursive: true }))

const model = syntheticModel('f32')
const POINTER = 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 133\n'

/** A folder with the model's files, changed. */
async function folder(name: string, change: Record<string, string | Uint8Array | null>): Promise<string> {
  const files: Record<string, string | Uint8Array | null> = { ...encodeModel(model), ...change }
  for (const [file, content] of Object.entries(files)) {
    if (content === null) continue
    const path = join(root, name, file)
    await mkdir(join(path, '..'), { recursive: true })
    await writeFile(path, content)
  }
  return join(root, name)
}

describe('files beside the weights', () => {
  const beside = {
    'modules.json': JSON.stringify([{ path: '' }, { path: '1_Pooling' }, { path: '2_Dense' }]),
    '1_Pooling/config.json': '{"pooling_mode_mean_tokens": true}',
    '2_Dense/config.json': '{"in_features": 24}',
    '2_Dense/model.safetensors': Uint8Array.of(1, 2, 3),
    'sentence_bert_config.json': '{"max_seq_length": 128}',
    'config_sentence_transformers.json': '{"prompts": {}}',
    'special_tokens_map.json': '{}',
    'added_tokens.json': '{"<new>": 40}',
    'sentencepiece.bpe.model': Uint8Array.of(9, 9),
    'tokenizer_config.json': '{"added_tokens_decoder": {}}',
    'vocab.txt': '[PAD]\n',
  }
  it('are copied byte for byte, but for those that a new vocabulary makes wrong', async () => {
    const source = await folder('whole', { ...beside, 'README.md': '# of that model', 'model.onnx': 'x' })
    const loaded = await loadModel(source)
    const out = join(root, 'copied')
    await saveModel(loaded.weights, out, { files: loaded.tokenizerFiles, beside: await loaded.filesBeside() })
    for (const [name, content] of Object.entries(beside))
      if (name !== 'tokenizer_config.json') expect(await readFile(join(out, name)), name).toEqual(Buffer.from(content))
    const names = await readdir(out, { recursive: true })
    expect(names).not.toContain('README.md')
    expect(names).not.toContain('model.onnx')
    const renumbered = await loaded.filesBeside(true)
    expect(Object.keys(renumbered)).toContain('1_Pooling/config.json')
    for (const name of ['added_tokens.json', 'sentencepiece.bpe.model']) expect(renumbered).not.toHaveProperty([name])
  })
  it('are refused outside the folder', async () => {
    const source = await folder('outside', { 'modules.json': '[{"path": "../other"}]' })
    const loaded = await loadModel(source)
    await expect(loaded.filesBeside()).rejects.toThrow(
      /modules\.json names the folder '\.\.\/other', expected one inside/,
    )
  })
})

it('id2label may have numbers for names', async () => {
  const json = JSON.parse(encodeModel(model)['config.json'] as string)
  const config = JSON.stringify({ ...json, id2label: { 0: 0, 1: 1 }, label2id: undefined })
  expect((await loadModel(await folder('numbers-as-names', { 'config.json': config }))).weights.config.labels).toEqual([
    '0',
    '1',
  ])
})

describe('weights that are not there', () => {
  const absent = { 'model.safetensors': null }
  const index = (content: string) => ({ ...absent, 'model.safetensors.index.json': content })
  it.each([
    ['pointer', { 'model.safetensors': POINTER }, /model\.safetensors: it is a Git LFS pointer.*git lfs pull/],
    ['pointer-config', { 'config.json': POINTER }, /config\.json: it is a Git LFS pointer/],
    ['pointer-vocab', { 'vocab.txt': POINTER }, /vocab\.txt: it is a Git LFS pointer/],
    [
      'pytorch',
      { ...absent, 'pytorch_model.bin': 'x' },
      /pytorch_model\.bin is not read; convert it with transformers/,
    ],
    [
      'onnx',
      { ...absent, 'onnx/model.onnx': 'x' },
      /onnx\/model\.onnx is not read; take the model that it was exported from/,
    ],
    [
      'adapter',
      { ...absent, 'adapter_model.safetensors': 'x' },
      /an adapter of another model; merge the two with peft/,
    ],
    ['gguf', { ...absent, 'model.gguf': 'x' }, /model\.gguf is not read; take the model/],
    ['nothing', absent, /model\.safetensors is missing; a model that has only pytorch_model\.bin/],
    ['html', index('<html>'), /model\.safetensors\.index\.json is a page of HTML, not JSON; expected .*fetch it again/],
    ['null', index('null'), /model\.safetensors\.index\.json is null; expected/],
    ['list', index('[]'), /model\.safetensors\.index\.json has no weight_map/],
    ['no-map', index('{"weight_map": null}'), /has no weight_map/],
    ['numbers', index('{"weight_map": {"a": 1}}'), /names the file 1 for 'a'/],
    ['path', index('{"weight_map": {"a": "../b.safetensors"}}'), /names the file "\.\.\/b\.safetensors" for 'a'/],
    ['cut', index('{"weight_map": {"a": "b.safetensors"}}'), /b\.safetensors, named in .*, is missing; fetch it again/],
  ])('%s', async (name, change, words) => {
    await expect(loadModel(await folder(name, change))).rejects.toThrow(words)
  })
})
