// Usages of transformers.js as its users write them, with the import changed: what they get here. Models and numbers are
// those of testing/families/fixtures, made by transformers in Python.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  AutoModel,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
  AutoTokenizer,
  cos_sim,
  env,
  mean_pooling,
  pipeline,
  softmax,
  Tensor,
  type ProgressInfo,
} from '../ts/transformers.ts'

const MODELS = fileURLToPath(new URL('families/fixtures/models/', import.meta.url))

interface Expected {
  inputs: {
    text: string
    text_pair?: string | null
    ids: number[]
    type_ids: number[]
    logits: number[]
    hidden64?: number[][]
    scores: { label: string; score: number }[]
  }[]
}
const expectedOf = (name: string): Expected =>
  JSON.parse(readFileSync(join(MODELS, name, 'expected.json'), 'utf8')) as Expected
const [FIRST, ...OTHERS] = expectedOf('bert-binary').inputs
const PAIR = OTHERS.find(({ text_pair }) => text_pair)!

const unchanged = { ...env }
beforeEach(() => void Object.assign(env, unchanged, { localModelPath: MODELS, allowRemoteModels: false }))

const close = (found: Iterable<number>, wanted: readonly number[]): void =>
  [...found].forEach((x, i) => expect(Math.abs(x - wanted[i])).toBeLessThan(1e-4))

describe('text-classification', () => {
  it('one text', async () => {
    const classifier = await pipeline('text-classification', 'bert-binary')
    const [best] = FIRST.scores.toSorted((a, b) => b.score - a.score)
    const result = await classifier(FIRST.text)
    expect(result).toHaveLength(1)
    expect(result[0].label).toBe(best.label)
    close([result[0].score], [best.score])
    await classifier.dispose()
  })

  it('a list; top_k null and 2', async () => {
    const classifier = await pipeline('text-classification', 'bert-classification')
    const texts = ['a good film', 'a bad plot']
    const one = (await classifier(texts)) as { label: string }[]
    expect(one.map(({ label }) => typeof label)).toEqual(['string', 'string'])
    const all = await classifier(texts, { top_k: null })
    expect(all.map((labels) => labels.length)).toEqual([3, 3])
    const two = await classifier('a good film', { top_k: 2 })
    expect(two).toHaveLength(2)
    expect(two[0].score).toBeGreaterThan(two[1].score)
    await classifier.dispose()
  })

  it('sentiment-analysis without a model', async () => {
    env.localModelPath = fileURLToPath(new URL('../app/models/', import.meta.url))
    // the page's trained model lies in the repository, not in the package
    expect(existsSync(join(env.localModelPath, 'sentiment', 'config.json'))).toBe(true)
    const classifier = await pipeline('sentiment-analysis')
    const [good] = await classifier('a warm, funny and moving film')
    const [bad] = await classifier('the plot is thin and the jokes fall flat')
    expect(good.label).not.toBe(bad.label)
    await classifier.dispose()
    env.localModelPath = MODELS
    await expect(pipeline('sentiment-analysis')).rejects.toThrow(/copy app\/models\/sentiment .* or name a model/)
  })

  it('pairs, by object and by text_pair', async () => {
    const classifier = await pipeline('text-classification', 'bert-binary')
    const { text, scores } = PAIR
    const pair = { text, text_pair: PAIR.text_pair! }
    const byObject = await classifier(pair, { top_k: null })
    expect(await classifier(text, { text_pair: pair.text_pair, top_k: null })).toEqual(byObject)
    expect(await classifier([text], { text_pair: [pair.text_pair], top_k: null })).toEqual([byObject])
    for (const { label, score } of byObject) close([score], [scores.find((one) => one.label === label)!.score])
    await classifier.dispose()
  })

  it('function_to_apply', async () => {
    const classifier = await pipeline('text-classification', 'bert-binary')
    const raw = await classifier(FIRST.text, { function_to_apply: 'none', top_k: null })
    close(
      raw.map(({ score }) => score),
      FIRST.logits.toSorted((a, b) => b - a),
    )
    await classifier.dispose()
  })

  it('several labels at once', async () => {
    const classifier = await pipeline('text-classification', 'camembert-classification')
    const { inputs } = expectedOf('camembert-classification')
    const all = await classifier(inputs[0].text, { top_k: null })
    for (const { label, score } of all) close([score], [inputs[0].scores.find((one) => one.label === label)!.score])
    await classifier.dispose()
  })

  it('truncation and max_length', async () => {
    const classifier = await pipeline('text-classification', 'bert-binary')
    const long = 'a good film '.repeat(400)
    expect(await classifier(long, { truncation: true })).toHaveLength(1)
    const cut = await classifier('a a a good film', { max_length: 5, top_k: null })
    expect(cut).toEqual(await classifier('a a a', { top_k: null }))
    expect(classifier.info().notes.join()).toContain('lost their end')
    await classifier.dispose()
  })

  it('a batch of 1,000', async () => {
    const classifier = await pipeline('text-classification', 'bert-binary')
    const texts = Array.from({ length: 1000 }, (_, i) => (i % 2 ? FIRST.text : PAIR.text))
    const results = (await classifier(texts)) as { label: string; score: number }[]
    expect(results).toHaveLength(1000)
    for (const [i, result] of results.entries()) expect(result).toEqual(results[i % 2])
    await classifier.dispose()
  })

  it('dispose twice and a call after it', async () => {
    const classifier = await pipeline('text-classification', 'bert-binary')
    await classifier.dispose()
    await classifier.dispose()
    await expect(classifier('a good film')).rejects.toThrow('was disposed of')
  })

  it('pipe.task, .tokenizer, .model.config.id2label', async () => {
    const classifier = await pipeline('sentiment-analysis', 'bert-binary')
    expect(classifier.task).toBe('text-classification')
    expect(classifier.model.config.id2label).toEqual({ 0: 'negative', 1: 'positive' })
    expect(classifier.model.config.label2id).toEqual({ negative: 0, positive: 1 })
    const { logits } = await classifier.model(classifier.tokenizer(FIRST.text))
    close(logits.data as Float32Array, FIRST.logits)
    await classifier.dispose()
  })
})

describe('feature-extraction', () => {
  it('mean and normalize, cls, none with several texts', async () => {
    const extractor = await pipeline('feature-extraction', 'minilm-sentence')
    const texts = ['a good film', 'good']
    const { hidden64 } = expectedOf('minilm-sentence').inputs[0]
    const none = await extractor(texts)
    expect(none).toBeInstanceOf(Tensor)
    expect(none.dims).toEqual([2, hidden64!.length, 8])
    close(none.slice(0).data as Float32Array, hidden64!.flat())
    const cls = await extractor(texts, { pooling: 'cls' })
    expect(cls.dims).toEqual([2, 8])
    close(cls.slice(0).data as Float32Array, hidden64![0])
    const mean = await extractor(texts, { pooling: 'mean', normalize: true })
    for (const row of mean) expect(cos_sim(row.data as Float32Array, row.data as Float32Array)).toBeCloseTo(1, 5)
    const means = hidden64![0].map((_, c) => hidden64!.reduce((sum, token) => sum + token[c], 0) / hidden64!.length)
    expect(cos_sim(mean.slice(0).data as Float32Array, means)).toBeCloseTo(1, 5)
    await extractor.dispose()
  })

  it('quantize, precision binary', async () => {
    const extractor = await pipeline('feature-extraction', 'minilm-sentence')
    const vectors = await extractor('a good film', { pooling: 'mean' })
    const bits = await extractor('a good film', { pooling: 'mean', quantize: true, precision: 'binary' })
    expect([bits.type, bits.dims]).toEqual(['int8', [1, 1]])
    const byte = [...(vectors.data as Float32Array)].reduce((sum, x) => sum * 2 + (x > 0 ? 1 : 0), 0)
    expect(bits.tolist()).toEqual([[byte - 128]])
    await extractor.dispose()
  })
})

it('zero-shot-classification', async () => {
  const classifier = await pipeline('zero-shot-classification', 'roberta-classification')
  const { sequence, labels, scores } = await classifier('a good film', ['film', 'plot', 'sound'])
  expect(sequence).toBe('a good film')
  expect(labels).toHaveLength(3)
  expect(scores.reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 5)
  const several = await classifier('a good film', ['film', 'plot'], { multi_label: true })
  expect(several.scores.every((score) => score > 0 && score < 1)).toBe(true)
  await classifier.dispose()
})

it('token-classification', async () => {
  const tagger = await pipeline('token-classification', 'bert-token')
  const tokens = await tagger('a good film', { ignore_labels: [] })
  expect(Object.keys(tokens[0])).toEqual(expect.arrayContaining(['entity', 'score', 'index', 'word']))
  await tagger.dispose()
})

describe('AutoTokenizer', () => {
  it('pads, cuts, and says what counts', async () => {
    const tokenizer = await AutoTokenizer.from_pretrained('bert-binary')
    const { input_ids, attention_mask, token_type_ids } = tokenizer([FIRST.text, 'good'], {
      padding: true,
      truncation: true,
    })
    expect([input_ids.type, input_ids.dims]).toEqual(['int64', [2, FIRST.ids.length]])
    expect((input_ids.tolist() as bigint[][])[0].map(Number)).toEqual(FIRST.ids)
    expect((input_ids.tolist() as bigint[][])[1].slice(-2)).toEqual([0n, 0n])
    expect((attention_mask.tolist() as bigint[][])[1].map(Number).reduce((a, b) => a + b)).toBeLessThan(
      FIRST.ids.length,
    )
    expect(token_type_ids!.dims).toEqual(input_ids.dims)
    expect(tokenizer(FIRST.text, { truncation: true, max_length: 4 }).input_ids.dims).toEqual([1, 4])
    expect(tokenizer('good', { padding: 'max_length', max_length: 12 }).input_ids.dims).toEqual([1, 12])
    expect(() => tokenizer([FIRST.text, 'good'])).toThrow('give padding: true')
  })

  it('pairs, and lists of numbers', async () => {
    const tokenizer = await AutoTokenizer.from_pretrained('bert-binary')
    const pair = tokenizer(PAIR.text, { text_pair: PAIR.text_pair, return_tensor: false })
    expect(pair.input_ids).toEqual(PAIR.ids)
    expect(pair.token_type_ids).toEqual(PAIR.type_ids)
    expect(tokenizer.encode(FIRST.text)).toEqual(FIRST.ids)
  })

  it('decodes', async () => {
    const tokenizer = await AutoTokenizer.from_pretrained('bert-binary')
    expect(tokenizer.decode(FIRST.ids, { skip_special_tokens: true })).toBe(FIRST.text)
    expect(tokenizer.decode(FIRST.ids)).toMatch(/^\[CLS\] .* \[SEP\]$/)
    const { input_ids } = tokenizer([FIRST.text, 'good'], { padding: true })
    expect(tokenizer.batch_decode(input_ids, { skip_special_tokens: true })).toEqual([FIRST.text, 'good'])
    expect(tokenizer.tokenize(FIRST.text)).toHaveLength(FIRST.ids.length - 2)
  })
})

describe('AutoModel', () => {
  it('ForSequenceClassification gives logits', async () => {
    const tokenizer = await AutoTokenizer.from_pretrained('bert-binary')
    const model = await AutoModelForSequenceClassification.from_pretrained('bert-binary', { device: 'wasm' })
    const { logits } = await model(tokenizer([FIRST.text, 'good'], { padding: true, truncation: true }))
    expect(logits.dims).toEqual([2, 2])
    close(logits.slice(0).data as Float32Array, FIRST.logits)
    const shares = softmax(logits.slice(0).data as Float32Array)
    expect(shares[0] + shares[1]).toBeCloseTo(1, 6)
    await model.dispose()
    await expect(model(tokenizer('good'))).rejects.toThrow('was disposed of')
  })

  it('gives hidden states, and mean_pooling their means', async () => {
    const tokenizer = await AutoTokenizer.from_pretrained('minilm-sentence')
    const model = await AutoModel.from_pretrained('minilm-sentence')
    const inputs = tokenizer(['a good film', 'good'], { padding: true })
    const { last_hidden_state: hidden } = await model(inputs)
    close(hidden.slice(0).data as Float32Array, expectedOf('minilm-sentence').inputs[0].hidden64!.flat())
    const pooled = mean_pooling(hidden, inputs.attention_mask).normalize(2, -1)
    const extractor = await pipeline('feature-extraction', 'minilm-sentence')
    const wanted = await extractor(['a good film', 'good'], { pooling: 'mean', normalize: true })
    close(pooled.data as Float32Array, [...(wanted.data as Float32Array)])
    await extractor.dispose()
    await model.dispose()
  })

  it('ForTokenClassification gives logits of tokens', async () => {
    const tokenizer = await AutoTokenizer.from_pretrained('bert-token')
    const model = await AutoModelForTokenClassification.from_pretrained('bert-token')
    const inputs = tokenizer(['a good film', 'good'], { padding: true })
    const { logits } = await model(inputs)
    expect(logits.dims.slice(0, 2)).toEqual(inputs.input_ids.dims)
    await model.dispose()
  })
})

describe('where models come from', () => {
  const asked: { url: string; authorization?: string; own?: string }[] = []
  const cache = mkdtempSync(join(tmpdir(), 'usages-'))
  let server: Server
  let host: string
  beforeAll(async () => {
    server = createServer(({ url, headers }, response) => {
      asked.push({ url: url!, authorization: headers.authorization, own: headers['x-own'] as string })
      const [, name, , revision, file] = url!.split('/')
      const path = join(MODELS, name, file ?? '')
      const isThere = revision === 'main' && existsSync(path)
      response.statusCode = isThere ? 200 : 404
      response.end(isThere ? readFileSync(path) : 'no')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    host = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  })
  afterAll(() => {
    server.close()
    rmSync(cache, { recursive: true })
  })

  it('env.localModelPath and allowRemoteModels', async () => {
    await expect(pipeline('text-classification', 'org/nothing')).rejects.toThrow(
      /org\/nothing' is not here: looked at .*allowRemoteModels/,
    )
    env.allowLocalModels = false
    env.useFSCache = false
    await expect(pipeline('text-classification', 'bert-binary')).rejects.toThrow('is not here')
  })

  it('env.remoteHost, token, headers and a cache', async () => {
    Object.assign(env, {
      allowRemoteModels: true,
      allowLocalModels: false,
      remoteHost: host,
      cacheDir: cache,
      token: 'secret',
      headers: { 'x-own': 'yes' },
    })
    const classifier = await pipeline('text-classification', 'bert-binary')
    expect(await classifier('a good film')).toHaveLength(1)
    await classifier.dispose()
    expect(asked.every(({ authorization, own }) => authorization === 'Bearer secret' && own === 'yes')).toBe(true)
    expect(asked.map(({ url }) => url)).toContain('/bert-binary/resolve/main/model.safetensors')
    // what is kept needs no server
    const before = asked.length
    env.allowRemoteModels = false
    const again = await pipeline('text-classification', 'bert-binary')
    expect(asked).toHaveLength(before)
    await again.dispose()
  })

  it('progress_callback’s events', async () => {
    Object.assign(env, { allowRemoteModels: true, allowLocalModels: false, remoteHost: host, useFSCache: false })
    const events: ProgressInfo[] = []
    const classifier = await pipeline('text-classification', 'bert-binary', {
      progress_callback: (event) => events.push(event),
    })
    await classifier.dispose()
    expect(new Set(events.map(({ status }) => status))).toEqual(
      new Set(['initiate', 'download', 'progress', 'progress_total', 'done', 'ready']),
    )
    const last = events.findLast((event) => event.status === 'progress_total')!
    expect(last).toMatchObject({ name: 'bert-binary' })
    expect((last as { loaded: number }).loaded).toBeGreaterThan(1000)
    expect(events.at(-1)).toEqual({ status: 'ready', task: 'text-classification', model: 'bert-binary' })
  })
})

describe('dtype and device', () => {
  it("dtype 'q8', one of our recipes, and what has no kernel", async () => {
    const whole = await pipeline('text-classification', 'bert-binary', { device: 'wasm' })
    const [wanted] = await whole(FIRST.text)
    for (const dtype of ['q8', 'sp50x4+q8+e8']) {
      const classifier = await pipeline('text-classification', 'bert-binary', { dtype, device: 'wasm' })
      const [found] = await classifier(FIRST.text)
      expect(found.score).not.toBe(wanted.score)
      expect(found.score).toBeGreaterThan(0)
      await classifier.dispose()
    }
    await whole.dispose()
    await expect(pipeline('text-classification', 'bert-binary', { dtype: 'q4' })).rejects.toThrow("use 'q8'")
  })

  // 'webgpu' too: testing/browser and the tests of devices run it
  it("device 'wasm' and 'cpu'", async () => {
    for (const device of ['wasm', 'cpu'] as const) {
      const classifier = await pipeline('text-classification', 'bert-binary', { device })
      expect(classifier.info().kind).toBe('cpu')
      const found = await classifier(FIRST.text, { top_k: null })
      close(
        found.map(({ score }) => score),
        FIRST.scores.map(({ score }) => score).toSorted((a, b) => b - a),
      )
      await classifier.dispose()
    }
    // @ts-expect-error: it is no device of this package
    await expect(pipeline('text-classification', 'bert-binary', { device: 'cuda' })).rejects.toThrow(/webgpu/)
  })

  it('tasks that are not computed here', async () => {
    // @ts-expect-error: it is no task of this package
    await expect(pipeline('fill-mask', 'bert-binary')).rejects.toThrow(
      /'fill-mask' is not computed by this package; expected/,
    )
  })
})
