// A model that reads texts: weights and the tokenizer that fits them, from files that stay open until the weights are
// packed, or from memory.

import { openModel, type OpenModelOptions } from '../model/load.ts'
import type { TextPreparation } from '../text/preparation.ts'
import type { ModelWeights, StoredModel } from '../model/weights.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { openTokenizer, preparing } from './tokenizer.ts'

export interface TextModel {
  weights: StoredModel
  tokenizer: Tokenizer
  /** of model.safetensors; 0 where the weights come from memory */
  fileBytes: number
  /** where it came from, for messages */
  where: string
  /** Closes the files; what was not read until then cannot be. May be called again. */
  close(): Promise<void>
}

/** A model that is in memory already. */
export interface ModelInMemory {
  weights: ModelWeights
  /** a tokenizer, or the text of its files; texts are prepared before it as `weights.config.preparation` says */
  tokenizer: Tokenizer | Record<string, string>
}

export type TextModelOptions = OpenModelOptions & {
  /** of texts, in place of the model's own */
  preparation?: TextPreparation | null
}

/** The model with another preparation on record; null leaves its own, no steps take it away. */
export function withPreparation<M extends StoredModel>(model: M, preparation: TextPreparation | null): M {
  return preparation === null ? model : { ...model, config: { ...model.config, preparation } }
}

/** @throws where the model has no tokenizer, and as `openModel` */
export async function openTextModel(
  source: string | ModelInMemory,
  options: TextModelOptions = {},
): Promise<TextModel> {
  if (typeof source !== 'string') return textModelInMemory(source)
  const { tokenizerFiles, fileBytes, where, close, ...opened } = await openModel(source, options)
  try {
    const weights = withPreparation(opened.weights, options.preparation ?? null)
    return { weights, tokenizer: await openTokenizer(tokenizerFiles, weights.config, where), fileBytes, where, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function textModelInMemory({ weights, tokenizer }: ModelInMemory): Promise<TextModel> {
  const where = 'the given model'
  const isMade = typeof (tokenizer as Tokenizer).encode === 'function'
  return {
    weights,
    tokenizer: isMade
      ? await preparing(tokenizer as Tokenizer, weights.config)
      : await openTokenizer(tokenizer as Record<string, string>, weights.config, where),
    fileBytes: 0,
    where,
    close: async () => {},
  }
}
