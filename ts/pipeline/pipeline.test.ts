import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { runReference } from '../../kernels/reference.ts'
import { findAdapter } from '../../kernels/webgpu/adapter.ts'
import { buildProgram } from '../model/bert.ts'
import { saveModel } from '../model/save.ts'
import { syntheticModel } from '../../testing/models.ts'
import { tokenizerFromVocabulary } from '../text/bare-vocabulary.ts'
import { packBatch } from '../inference/batches.ts'
import { pipeline } from './pipeline.ts'
import { referenceDevice } from '../../testing/reference-device.ts'

const WORDS = 'the a film was is not very good bad dull bright long short i loved hated it and but story , . ! ?'.split(
  ' ',
)
const VOCABULARY = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...WORDS]
const tokenizer = tokenizerFromVocabulary(VOCABULARY, { lowercase: true })
const weights = syntheticModel('f32', 6)
const TEXTS = ['I loved it!', 'bad', 'The story was long, and the film was not very good.', '', 'dull but short']

const folder = await mkdtemp(join(tmpdir(), 'pipeline-'))
afterAll(() => rm(folder, { recursive: true }))

/** Logits of one text alone. */
function logitsOf(text: string): number[] {
  const ids = tokenizer.encode(text, weights.config.maxPositions)
  return [...runReference(buildProgram(weights, 'logits'), packBatch([ids]))]
}

const open = (device = referenceDevice()) => pipeline('text-classification', { weights, tokenizer }, { device })

describe('text-classification', () => {
  it('scores each text as if it were alone, in the order given', async () => {
    const device = referenceDevice()
    const classify = await open(device)
    const results = await classify(TEXTS, { top_k: null, batch_size: 2 })
    expect(results.length).toBe(TEXTS.length)
    expect(device.log.batches).toEqual([2, 2, 1])
    for (const [i, text] of TEXTS.entries()) {
      const [no, yes] = logitsOf(text).map(Math.exp)
      const scores = Object.fromEntries(results[i].map(({ label, score }) => [label, score]))
      expect(scores.negative).toBeCloseTo(no / (no + yes), 6)
      expect(scores.positive).toBeCloseTo(yes / (no + yes), 6)
      expect(results[i][0].score).toBeGreaterThanOrEqual(results[i][1].score)
    }
  })

  it('warms up with a batch of the size that is asked for, no longer than the positions', async () => {
    const device = referenceDevice()
    const classify = await open(device)
    await classify.warmup({ batch_size: 3, tokens: 1000 })
    await classify.warmup()
    expect(device.log.batches).toEqual([3, 1])
    await expect(classify.warmup({ tokens: 0 })).rejects.toThrow('tokens is 0')
    expect(classify.info().notes).toEqual([])
    await classify.dispose()
    await expect(classify.warmup()).rejects.toThrow('disposed')
  })

  it('says what to do when its GPU is lost, and opens again on a new one', async () => {
    const { adapter } = await findAdapter('allow')
    const gpuDevice = await adapter.requestDevice()
    const lost = await pipeline('text-classification', { weights, tokenizer }, { gpuDevice })
    const before = await lost('bad')
    gpuDevice.destroy()
    await gpuDevice.lost
    await expect(lost('bad')).rejects.toThrow('open the pipeline again')
    await lost.dispose()
    const again = await pipeline('text-classification', { weights, tokenizer }, { device: 'gpu' })
    await again.warmup({ tokens: 4, tune: true })
    expect(await again('bad')).toEqual(before)
    await again.dispose()
  })

  it('prepares texts as the config says', async () => {
    const plain = await open()
    const config = { ...weights.config, preparation: { steps: ['normalise' as const], language: 'auto' as const } }
    const prepared = await pipeline(
      'text-classification',
      { weights: { ...weights, config }, tokenizer },
      { device: referenceDevice() },
    )
    const marked = '<p>I <b>loved</b>\u00a0it&excl;</p>'
    expect(await prepared(marked)).toEqual(await plain('I loved it!'))
    expect(await plain(marked)).not.toEqual(await plain('I loved it!'))
  })

  it('nests its results as transformers.js does', async () => {
    const classify = await open()
    const label = expect.stringMatching(/^(negative|positive)$/)
    const one = { label, score: expect.any(Number) }
    expect(await classify('bad')).toEqual([one])
    expect(await classify(['bad', 'good'])).toEqual([one, one])
    expect(await classify('bad', { top_k: null })).toEqual([one, one])
    expect(await classify('bad', { top_k: 5 })).toEqual([one, one])
    expect(await classify(['bad'], { top_k: null })).toEqual([[one, one]])
    expect(await classify([])).toEqual([])
  })

  it('cuts what is longer than the positions, and says so', async () => {
    const classify = await open()
    const long = 'very good film '.repeat(20)
    expect(await classify(long, { top_k: null })).toEqual(
      await classify('very good film '.repeat(5).slice(0, -6), { top_k: null }),
    )
    expect(classify.info().notes).toEqual(['1 of 2 texts were too long and lost their end'])
    await classify('good bad good', { max_length: 3 })
    expect(classify.info().notes).toEqual(['2 of 3 texts were too long and lost their end'])
  })

  it('uses sigmoid where several labels may hold', async () => {
    const multi = { ...weights, config: { ...weights.config, problemType: 'multi_label_classification' as const } }
    const classify = await pipeline('text-classification', { weights: multi, tokenizer }, { device: referenceDevice() })
    const found = await classify('bad', { top_k: null })
    const logits = logitsOf('bad')
    for (const { label, score } of found)
      expect(score).toBeCloseTo(1 / (1 + Math.exp(-logits[label === 'positive' ? 1 : 0])), 6)
  })

  it('lets go of what it made and leaves the caller’s device alone', async () => {
    const device = referenceDevice()
    {
      await using classify = await open(device)
      expect(classify.info()).toMatchObject({
        task: 'text-classification',
        model: 'the given model',
        name: 'reference',
      })
      expect(device.log.sessions).toBe(1)
    }
    expect(device.log).toMatchObject({ sessions: 0, disposed: false })
    const classify = await open(device)
    await classify.dispose()
    await classify.dispose()
    await expect(classify('bad')).rejects.toThrow(/disposed of/)
  })

  it('opens a folder, with progress', async () => {
    const path = join(folder, 'model')
    await saveModel(weights, path, { files: { 'vocab.txt': VOCABULARY.join('\n') } })
    const events: string[] = []
    const classify = await pipeline('sentiment-analysis', path, {
      device: referenceDevice(),
      progress_callback: ({ status }) => events.push(status),
      local_files_only: true,
    })
    expect(await classify(TEXTS)).toEqual(await (await open())(TEXTS))
    expect(events[0]).toBe('initiate')
    expect(events.filter((status) => status === 'ready').length).toBe(1)
    expect(events.at(-1)).toBe('ready')
    expect(classify.info().model).toBe(path)
  })

  it('refuses what it cannot do', async () => {
    const device = referenceDevice()
    const model = { weights, tokenizer }
    await expect(pipeline('translation' as 'feature-extraction', model)).rejects.toThrow(
      /task 'translation' is not known/,
    )
    const bare = { weights: { ...weights, classifier: null }, tokenizer }
    await expect(pipeline('text-classification', bare, { device })).rejects.toThrow(/has no classifier/)
    await expect(pipeline('text-classification', model, { device: 'tpu' as 'cpu' })).rejects.toThrow(
      /device 'tpu' is not known/,
    )
    await expect(pipeline('text-classification', { weights, tokenizer: {} }, { device })).rejects.toThrow(
      /there is no tokenizer: none of tokenizer\.json, vocab\.txt/,
    )
    const big = { weights, tokenizer: { 'vocab.txt': [...VOCABULARY, ...'0123456789'].join('\n') } }
    await expect(pipeline('text-classification', big, { device })).rejects.toThrow(
      /tokenizer has '.' with the id 37, the model's word table 37 rows/,
    )
    await expect(pipeline('feature-extraction', 'preset:tiny', { device })).rejects.toThrow(
      /presets have random weights and no vocabulary/,
    )
    const classify = await open()
    await expect(classify(7 as unknown as string)).rejects.toThrow(/text 0 is number, expected a string/)
    await expect(classify('bad', { top_k: 0 })).rejects.toThrow(/top_k is 0/)
    await expect(classify('bad', { batch_size: 0 })).rejects.toThrow(/batch_size is 0/)
    await expect(classify('bad', { max_length: 1 })).rejects.toThrow(/max_length is 1/)
  })
})

describe('feature-extraction', () => {
  const hiddenOf = (text: string) =>
    runReference(buildProgram(weights, 'hidden'), packBatch([tokenizer.encode(text, weights.config.maxPositions)]))
  const C = weights.config.hiddenSize

  it('pools by mean and normalizes', async () => {
    const extract = await pipeline('feature-extraction', { weights, tokenizer }, { device: referenceDevice() })
    const { data, dims } = await extract(TEXTS, { pooling: 'mean', normalize: true, batch_size: 2 })
    expect(dims).toEqual([TEXTS.length, C])
    for (const [i, text] of TEXTS.entries()) {
      const hidden = hiddenOf(text)
      const mean = Array.from({ length: C }, (_, c) => {
        let sum = 0
        for (let t = c; t < hidden.length; t += C) sum += hidden[t]
        return sum
      })
      const norm = Math.hypot(...mean)
      for (let c = 0; c < C; c++) expect(data[i * C + c]).toBeCloseTo(mean[c] / norm, 5)
    }
  })

  it('gives [CLS] rows, or all rows with zeros past the end', async () => {
    const extract = await pipeline('feature-extraction', { weights, tokenizer }, { device: referenceDevice() })
    const first = await extract('bad', { pooling: 'cls' })
    expect(first.dims).toEqual([1, C])
    expect([...first.data]).toEqual([...Float32Array.from(hiddenOf('bad').slice(0, C))])
    const all = await extract(['bad', 'I loved it !'])
    expect(all.dims).toEqual([2, 6, C])
    expect([...all.data.slice(0, 3 * C)]).toEqual([...Float32Array.from(hiddenOf('bad'))])
    expect(all.data.slice(3 * C, 6 * C).every((x) => x === 0)).toBe(true)
    expect([...all.data.slice(6 * C)]).toEqual([...Float32Array.from(hiddenOf('i loved it !'))])
    expect((await extract([], { pooling: 'mean' })).dims).toEqual([0, C])
  })
})
