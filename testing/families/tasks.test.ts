// The tasks of pipelines on the models of fixtures/README.md: scores, pairs, zero-shot classification and embeddings as
// transformers and sentence-transformers give them.
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { modelTypes } from '../../ts/families/index.ts'
import { openTextModel } from '../../ts/inference/text-model.ts'
import { traceTokens } from '../../ts/pipeline/offsets.ts'
import { pipeline } from '../../ts/pipeline/pipeline.ts'

interface Expected {
  head: 'classification' | 'token' | 'encoder'
  inputs: {
    text: string
    text_pair?: string | null
    scores?: { label: string; score: number }[]
    /** in code points */
    offsets?: [number, number][]
    ids: number[]
    entities?: Record<'none' | 'simple' | 'first', Entity[]>
  }[]
  zero_shot?: {
    text: string
    candidate_labels: string[]
    hypothesis_template: string
    multi_label: boolean
    result: { sequence: string; labels: string[]; scores: number[] }
  }[]
  embeddings?: { prompt_name: string | null; text: string; embedding64: number[] }[]
}

interface Entity {
  entity?: string
  entity_group?: string
  score: number
  word: string
  start: number
  end: number
}

const ROOT = new URL('fixtures/models/', import.meta.url)
// a family that is not there yet has no tasks to test
const KNOWN = modelTypes()
const isKnown = (name: string): boolean =>
  KNOWN.includes(
    (JSON.parse(readFileSync(new URL(`${name}/config.json`, ROOT), 'utf8')) as { model_type: string }).model_type,
  )
const MODELS = readdirSync(ROOT)
  .filter(isKnown)
  .map((name) => ({
    name,
    folder: new URL(name, ROOT).pathname,
    expected: JSON.parse(readFileSync(new URL(`${name}/expected.json`, ROOT), 'utf8')) as Expected,
  }))
const DEVICE = { device: 'cpu', threads: 1 } as const
const TOLERANCE = 1e-4

describe.each(MODELS.filter(({ expected }) => expected.head === 'classification'))('$name', ({ folder, expected }) => {
  it('gives the scores of transformers, of texts and of pairs', async () => {
    await using classify = await pipeline('text-classification', folder, DEVICE)
    const inputs = expected.inputs.map(({ text, text_pair }) => ({ text, text_pair: text_pair ?? undefined }))
    const found = await classify(inputs, { top_k: null })
    expect(inputs.some(({ text_pair }) => text_pair !== undefined)).toBe(true)
    expected.inputs.forEach(({ scores, text }, i) => {
      expect(found[i].length).toBe(scores!.length)
      for (const { label, score } of scores!)
        expect(Math.abs(found[i].find((one) => one.label === label)!.score - score), text).toBeLessThan(TOLERANCE)
    })
  })
})

describe.each(MODELS.filter(({ expected }) => expected.zero_shot))('$name', ({ folder, expected }) => {
  it.each(expected.zero_shot!)('zero-shot: $text, several: $multi_label', async (asked) => {
    await using classify = await pipeline('zero-shot-classification', folder, DEVICE)
    const { hypothesis_template, multi_label } = asked
    const { sequence, labels, scores } = await classify(asked.text, asked.candidate_labels, {
      hypothesis_template,
      multi_label,
    })
    expect({ sequence, labels }).toEqual({ sequence: asked.result.sequence, labels: asked.result.labels })
    scores.forEach((score, i) => expect(Math.abs(score - asked.result.scores[i])).toBeLessThan(TOLERANCE))
  })
})

describe.each(MODELS.filter(({ expected }) => expected.embeddings))('$name', ({ folder, expected }) => {
  it('gives the embeddings of sentence-transformers', async () => {
    await using extract = await pipeline('feature-extraction', folder, DEVICE)
    for (const { prompt_name, text, embedding64 } of expected.embeddings!) {
      const { data, dims } = await extract(text, prompt_name === null ? {} : { prompt_name })
      expect(dims).toEqual([1, embedding64.length])
      for (const [c, x] of embedding64.entries()) expect(Math.abs(data[c] - x), text).toBeLessThan(TOLERANCE)
    }
  })
})

describe.each(MODELS.filter(({ expected }) => expected.head === 'token'))('$name', ({ folder, expected }) => {
  it('knows the places of its tokens', async () => {
    const { tokenizer } = await openTextModel(folder)
    for (const { text, text_pair, offsets, ids } of expected.inputs) {
      if (text_pair != null) continue
      const traced = traceTokens(tokenizer, text, 24)
      expect(traced.map(({ id }) => id)).toEqual(ids)
      const inCodePoints = (at: number): number => [...text.slice(0, at)].length
      expect(traced.map(({ start, end }) => [inCodePoints(start), inCodePoints(end)])).toEqual(offsets)
    }
  })

  it.each(['none', 'simple', 'first'] as const)('gives the entities of transformers: %s', async (strategy) => {
    await using classify = await pipeline('token-classification', folder, DEVICE)
    for (const { text, entities } of expected.inputs) {
      if (!entities) continue
      const found = await classify(text, { aggregation_strategy: strategy as 'simple' })
      const rounded = ({ score, ...rest }: Entity): object => ({ ...rest, score: expect.closeTo(score, 4) as number })
      expect(found, text).toEqual(entities[strategy].map(rounded))
    }
  })
})
