// What the calls of all tasks share.

import { turns } from '../../kernels/program/turns.ts'
import { textsOf, type EncodedTexts, type PairCut, type RunOptions, type TextInput } from '../inference/batches.ts'
import type { RunningModel } from '../inference/running-model.ts'
import type { SentenceSettings } from '../inference/sentence.ts'
import { mostTokens } from '../inference/open-tokenizer.ts'
import { whole, type Known, type WithoutMeaning } from './options.ts'

export interface CallOptions {
  /** most texts in one run, 32 if not given */
  batch_size?: number
  /** most tokens of a text; what the model's files say, at most its positions, if not given */
  max_length?: number
  /** ends the call between two batches; its reason is thrown */
  signal?: AbortSignal
}

/** What a task has of its pipeline. */
export interface TaskContext {
  /** @throws where the pipeline was disposed of */
  open: () => RunningModel
  /** lines of info().notes */
  notes: Set<string>
  sentence: SentenceSettings | null
}

export const isSignal = (value: unknown): string | null =>
  value instanceof AbortSignal ? null : 'the signal of an AbortController'

export const CALL_OPTIONS: Known<CallOptions> = { batch_size: whole(1), max_length: whole(2), signal: isSignal }

const ALWAYS = 'texts are cut where they are too long, and no batch is padded'
export const CALL_WITHOUT_MEANING: WithoutMeaning = {
  truncation: ALWAYS,
  padding: ALWAYS,
  device: 'it is the pipeline’s',
}

/** Most tokens of one run on a GPU: larger ones gain nothing and cost memory. */
const GPU_TOKENS = 8192

/** What a page's reader does not notice. */
const PAGE_MS = 40

/** Where the thread that computes also draws, batches are short. */
const drawsToo = (): boolean => typeof document !== 'undefined'

export function limitsOf({ batch_size = 32, signal }: CallOptions, { device }: RunningModel): RunOptions {
  const limits = { sequences: batch_size, signal }
  if (device.info().kind === 'gpu') return { ...limits, tokens: GPU_TOKENS }
  return drawsToo() ? { ...limits, milliseconds: PAGE_MS } : limits
}

/** Texts that are tokenized before the thread gets a turn. */
const TEXTS_PER_TURN = 64

/** Token ids of the texts, which are read before the call returns. */
export async function encodeCall(
  model: RunningModel,
  texts: readonly TextInput[],
  { max_length, signal }: CallOptions,
  limit = mostTokens(model.tokenizer, model.config),
  cut?: PairCut,
): Promise<EncodedTexts> {
  const inputs = texts.map((input, i): TextInput => {
    const [text, second] = textsOf(input, i)
    return second === undefined ? text : { text, text_pair: second }
  })
  const most = Math.min(model.config.maxPositions, max_length ?? limit)
  const turn = turns(signal)
  const parts: EncodedTexts[] = []
  for (let at = 0; at < inputs.length; at += TEXTS_PER_TURN) {
    await turn()
    parts.push(model.encode(inputs.slice(at, at + TEXTS_PER_TURN), most, cut))
  }
  const hasTypes = parts.some(({ types }) => types)
  return {
    ids: parts.flatMap(({ ids }) => ids),
    types: hasTypes
      ? parts.flatMap(({ ids, types }) => types ?? ids.map(({ length }) => new Int32Array(length)))
      : undefined,
    truncated: parts.reduce((sum, { truncated }) => sum + truncated, 0),
  }
}
