import { describe, expect, it } from 'vitest'
import { syntheticModel } from '../../testing/models.ts'
import { referenceDevice } from '../../testing/reference-device.ts'
import { tokenizerFromVocabulary } from '../text/bare-vocabulary.ts'
import { pipeline, type PipelineOptions } from './pipeline.ts'

const WORDS = 'the a film was is not very good bad dull bright long short i loved hated it and but story , . ! ?'.split(
  ' ',
)
const tokenizer = tokenizerFromVocabulary(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...WORDS], { lowercase: true })
const weights = syntheticModel('f32', 6)
const model = { weights, tokenizer }
const open = (options: PipelineOptions = {}) =>
  pipeline('text-classification', model, { device: referenceDevice(), ...options })
const as = <T>(value: unknown): T => value as T

describe('options of a pipeline', () => {
  it('that are not known, or not of their type, are errors that name the known ones', async () => {
    await expect(open(as({ thread: 1 }))).rejects.toThrow(
      /pipeline: the option 'thread' is not known; there are device, threads, wide, workerUrl, software, progress_callback/,
    )
    for (const threads of [1.5, 0, -1, NaN, '2', Infinity])
      await expect(open(as({ threads }))).rejects.toThrow(/threads is .*, expected a whole number from 1/)
    await expect(open(as({ local_files_only: 'yes' }))).rejects.toThrow(/local_files_only is 'yes', expected true or/)
    await expect(open(as({ progress_callback: 1 }))).rejects.toThrow(/progress_callback is 1, expected a function/)
    await expect(pipeline('text-classification', model, as('cpu'))).rejects.toThrow(/the options are 'cpu'/)
  })

  it('of transformers.js without meaning here are notes', async () => {
    const classify = await open(as({ dtype: 'q8', quantized: true }))
    expect(classify.info().notes).toEqual([
      expect.stringMatching(/pipeline: the option dtype is left alone: a model runs in the formats/),
      expect.stringMatching(/pipeline: the option quantized/),
    ])
    await classify('bad', as({ truncation: true }))
    await classify('bad', as({ truncation: true }))
    expect(classify.info().notes.length).toBe(3)
  })
})

describe('options of a call', () => {
  it('that are not known are errors', async () => {
    const classify = await open()
    await expect(classify('bad', as({ topK: 3 }))).rejects.toThrow(
      /text-classification: the option 'topK' is not known; there are batch_size, max_length, signal, top_k/,
    )
    await expect(classify('bad', as({ text_pair: 'good' }))).rejects.toThrow(/give two texts as { text, text_pair }/)
    await expect(classify('bad', as('good'))).rejects.toThrow(/the options are 'good', expected an object/)
    await expect(classify('bad', as({ top_k: 1.5 }))).rejects.toThrow(/top_k is 1\.5/)
    await expect(classify('bad', as({ function_to_apply: 'relu' }))).rejects.toThrow(
      /function_to_apply is 'relu', expected softmax, sigmoid, none or null/,
    )
    const extract = await pipeline('feature-extraction', model, { device: referenceDevice() })
    await expect(extract('bad', as({ pooling: 'avg' }))).rejects.toThrow(/pooling is 'avg', expected none, mean, cls/)
    await expect(extract('bad', as({ normalise: true }))).rejects.toThrow(/'normalise' is not known/)
    await expect(extract('bad', { prompt_name: 'query' })).rejects.toThrow(/the model has no prompts/)
    await expect(extract(as([{ text: 'a' }]))).rejects.toThrow(/text 0 is object, expected a string/)
  })

  it('function_to_apply, and topk beside top_k', async () => {
    const classify = await open()
    const raw = await classify('bad', { top_k: null, function_to_apply: 'none' })
    const known = await classify('bad', { topk: 2 })
    expect(known.length).toBe(2)
    const [a, b] = raw.map(({ score }) => Math.exp(score))
    expect(known[0].score).toBeCloseTo(a / (a + b), 6)
    const [yes] = await classify('bad', { function_to_apply: 'sigmoid' })
    expect(yes.score).toBeCloseTo(1 / (1 + Math.exp(-raw[0].score)), 6)
    await expect(classify('bad', { top_k: 1, topk: 2 })).rejects.toThrow(/top_k is 1 and topk is 2/)
  })

  it('numbers of a regression are as they are', async () => {
    const config = { ...weights.config, problemType: 'regression' as const }
    const regress = await pipeline(
      'text-classification',
      { weights: { ...weights, config }, tokenizer },
      { device: referenceDevice() },
    )
    const classify = await open()
    expect(await regress('bad', { top_k: null })).toEqual(
      await classify('bad', { top_k: null, function_to_apply: 'none' }),
    )
  })
})

describe('texts', () => {
  it('may be pairs, one or a list, mixed with single ones', async () => {
    const classify = await open()
    const pair = { text: 'good film', text_pair: 'bad film' }
    const [alone] = await classify(pair)
    const many = await classify([pair, 'good film', { text: 'good film' }])
    expect(many[0]).toEqual(alone)
    expect(many[1]).toEqual(many[2])
    expect(many[0]).not.toEqual(many[1])
    for (const wrong of [7, null, ['a', 'b'], { text: 1 }, { text_pair: 'a' }, { text: 'a', text_pair: 1 }])
      await expect(classify(as([wrong]))).rejects.toThrow(/text 0 is .*, expected a string, or { text, text_pair }/)
  })

  it('are read when the call is made', async () => {
    const classify = await open()
    const texts = ['bad', 'I loved it']
    const before = await classify(texts, { top_k: null })
    const running = classify(texts, { top_k: null })
    texts[0] = 'good'
    expect(await running).toEqual(before)
  })
})

describe('zero-shot-classification', () => {
  it('needs a label of entailment, labels to choose from and a place for them', async () => {
    await expect(pipeline('zero-shot-classification', model, { device: referenceDevice() })).rejects.toThrow(
      /labels are negative, positive, expected one that begins with 'entail'/,
    )
    const config = { ...weights.config, labels: ['ENTAILMENT', 'contradiction'] }
    const classify = await pipeline(
      'zero-shot-classification',
      { weights: { ...weights, config }, tokenizer },
      { device: referenceDevice() },
    )
    const { sequence, labels, scores } = await classify('the film', 'good, bad')
    expect(sequence).toBe('the film')
    expect([...labels].sort()).toEqual(['bad', 'good'])
    expect(scores[0] + scores[1]).toBeCloseTo(1, 6)
    expect((await classify(['a', 'b'], ['good'], { multi_label: true })).length).toBe(2)
    await expect(classify('a', [])).rejects.toThrow(/candidate labels/)
    await expect(classify('a', as({ multi_label: true }))).rejects.toThrow(/candidate labels/)
    await expect(classify('a', ['b'], { hypothesis_template: 'It is.' })).rejects.toThrow(/a text with {}/)
  })
})
