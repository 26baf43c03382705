// Tiny models of every family and head with what PyTorch computes for them (fixtures/README.md). Imported by tests only.

import { readdirSync, readFileSync } from 'node:fs'
import type { Batch } from '../../kernels/program/program.ts'
import type { ModelOutput } from '../../ts/model/bert.ts'
import type { ModelWeights } from '../../ts/model/weights.ts'

const folderOf = (kind: string, name: string): string => new URL(`fixtures/${kind}/${name}`, import.meta.url).pathname

export interface ExpectedInput {
  text: string
  text_pair: string | null
  ids: number[]
  type_ids: number[] | null
  /** of texts [labels], of tokens [tokens][labels] */
  logits64?: number[] | number[][]
  /** [tokens][C] */
  hidden64?: number[][]
  pooled64?: number[]
  mean64?: number[]
}

export interface Expected {
  family: string
  head: 'classification' | 'token' | 'encoder'
  problem_type: string | null
  inputs: ExpectedInput[]
  hidden_act?: Record<string, number[][]>
  relative_buckets?: number[]
}

export interface Fixture {
  name: string
  folder: string
  expected: Expected
}

/** Every model that is to be opened. */
export const FIXTURES: Fixture[] = readdirSync(new URL('fixtures/models', import.meta.url))
  .sort()
  .map((name) => {
    const folder = folderOf('models', name)
    return { name, folder, expected: JSON.parse(readFileSync(`${folder}/expected.json`, 'utf8')) as Expected }
  })

/** Every folder that is to be refused, and what the message has to name, word by word. */
export const REFUSED: { name: string; folder: string; words: string[] }[] = readdirSync(
  new URL('fixtures/refused', import.meta.url),
).map((name) => {
  const folder = folderOf('refused', name)
  const { refused } = JSON.parse(readFileSync(`${folder}/expected.json`, 'utf8')) as { refused: string }
  return { name, folder, words: refused.split(' ') }
})

/** All inputs as one batch. */
export function batchOf(inputs: readonly ExpectedInput[]): Batch {
  const offsets = Int32Array.from([0, ...inputs.map(({ ids }) => ids.length)])
  for (let b = 1; b < offsets.length; b++) offsets[b] += offsets[b - 1]
  const types = inputs.flatMap(({ ids, type_ids }) => type_ids ?? ids.map(() => 0))
  return { offsets, ids: Int32Array.from(inputs.flatMap(({ ids }) => ids)), types: Int32Array.from(types) }
}

/** What PyTorch gives for an output, in float64; null where the fixture does not have it. */
export type Known = (input: ExpectedInput) => readonly number[] | null

/** The outputs of a fixture that PyTorch's numbers are known of. */
export function outputsOf({ head }: Expected, model: ModelWeights): [output: ModelOutput, known: Known][] {
  const flat = (rows: number[] | number[][] | undefined): number[] | null => rows?.flat() ?? null
  const hidden: [ModelOutput, Known] = ['hidden', ({ hidden64 }) => flat(hidden64)]
  if (head === 'classification') return [['logits', ({ logits64 }) => flat(logits64)], hidden]
  if (head === 'token') return [['token-logits', ({ logits64 }) => flat(logits64)], hidden]
  const mean: [ModelOutput, Known] = ['embeddings', ({ mean64 }) => mean64 ?? null]
  const pooled: [ModelOutput, Known] = ['pooled', ({ pooled64 }) => pooled64 ?? null]
  return model.pooler ? [mean, pooled, hidden] : [mean, hidden]
}

/** Largest distance between an output of a whole batch and PyTorch's numbers, where these are known, and how many are. */
export function distance(
  output: ArrayLike<number>,
  inputs: readonly ExpectedInput[],
  known: Known,
  isPerToken: boolean,
): { largest: number; count: number } {
  const rows = isPerToken ? inputs.reduce((sum, { ids }) => sum + ids.length, 0) : inputs.length
  const width = output.length / rows
  let [at, largest, count] = [0, 0, 0]
  for (const input of inputs) {
    const length = width * (isPerToken ? input.ids.length : 1)
    const numbers = known(input)
    if (numbers && numbers.length !== length) throw new Error(`${length} numbers, PyTorch has ${numbers.length}`)
    numbers?.forEach((number, i) => {
      const off = Math.abs(output[at + i] - number)
      largest = Number.isNaN(off) ? Infinity : Math.max(largest, off)
      count++
    })
    at += length
  }
  return { largest, count }
}
