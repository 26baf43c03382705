// What the calls of all tasks share.

import type { BatchLimits, EncodedTexts, PairCut, TextInput } from '../inference/batches.ts'
import type { RunningModel } from '../inference/running-model.ts'
import type { SentenceSettings } from '../inference/sentence.ts'
import { mostTokens } from '../inference/open-tokenizer.ts'
import { whole, type Known, type WithoutMeaning } from './options.ts'

export interface CallOptions {
  /** most texts in one run, 32 if not given */
  batch_size?: number
  /** most tokens of a text; what the model's files say, at most its positions, if not given */
  max_length?: number
}

/** What a task has of its pipeline. */
export interface TaskContext {
  /** @throws where the pipeline was disposed of */
  open: () => RunningModel
  /** lines of info().notes */
  notes: Set<string>
  sentence: SentenceSettings | null
}

export const CALL_OPTIONS: Known<CallOptions> = { batch_size: whole(1), max_length: whole(2) }

const ALWAYS = 'texts are cut where they are too long, and no batch is padded'
export const CALL_WITHOUT_MEANING: WithoutMeaning = {
  truncation: ALWAYS,
  padding: ALWAYS,
  device: 'it is the pipeline’s',
}

/** Most tokens of one run: larger ones gain nothing and cost memory. */
const MAX_TOKENS = 8192

export const limitsOf = ({ batch_size = 32 }: CallOptions): BatchLimits => ({
  sequences: batch_size,
  tokens: MAX_TOKENS,
})

/** Token ids of the texts, read before the call returns. */
export function encodeCall(
  model: RunningModel,
  texts: readonly TextInput[],
  { max_length }: CallOptions,
  limit = mostTokens(model.tokenizer, model.config),
  cut?: PairCut,
): EncodedTexts {
  return model.encode(texts, Math.min(model.config.maxPositions, max_length ?? limit), cut)
}
