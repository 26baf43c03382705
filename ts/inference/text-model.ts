// A model that reads texts: weights and the tokenizer that fits them, from files that stay open until the weights are
// packed, or from memory.

import { openModel, openModelFiles, openModelFrom, type OpenedModel, type OpenModelOptions } from '../model/load.ts'
import type { ModelFiles } from '../io/folder.ts'
import type { TextPreparation } from '../text/preparation.ts'
import type { ModelWeights, StoredModel } from '../model/weights.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import type { SentenceSettings } from './sentence.ts'
import { openTokenizer, preparing } from './open-tokenizer.ts'

export interface TextModel {
  weights: StoredModel
  tokenizer: Tokenizer
  /** of model.safetensors; 0 where the weights come from memory */
  fileBytes: number
  /** where it came from, for messages */
  where: string
  /** what sentence-transformers keeps beside the model; null where there is nothing, or it was not asked for */
  sentence: SentenceSettings | null
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
  /** read the files of sentence-transformers too; false if not given */
  readsSentenceSettings?: boolean
}

/** The model with another preparation on record; null leaves its own, no steps take it away. */
export function withPreparation<M extends StoredModel>(model: M, preparation: TextPreparation | null): M {
  return preparation === null ? model : { ...model, config: { ...model.config, preparation } }
}

/** @throws where the model has no tokenizer, and as `openModel` */
export async function openTextModel(
  source: string | ModelInMemory | ModelFiles,
  options: TextModelOptions = {},
): Promise<TextModel> {
  if (typeof source !== 'string' && 'weights' in source) return textModelInMemory(source)
  const { opened, sentence } = await openSource(source, options)
  const { tokenizerFiles, fileBytes, where, close } = opened
  try {
    const weights = withPreparation(opened.weights, options.preparation ?? null)
    const tokenizer = await openTokenizer(tokenizerFiles, weights.config, where)
    return { weights, tokenizer, fileBytes, where, sentence, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function openSource(
  source: string | ModelFiles,
  options: TextModelOptions,
): Promise<{ opened: OpenedModel; sentence: SentenceSettings | null }> {
  if (typeof source === 'string' && (!options.readsSentenceSettings || source.startsWith('preset:')))
    return { opened: await openModel(source, options), sentence: null }
  const files = typeof source === 'string' ? await openModelFiles(source, options) : source
  if (!options.readsSentenceSettings) return { opened: await openModelFrom(files, options), sentence: null }
  const { readSentenceSettings } = await import('./sentence.ts')
  return { sentence: await readSentenceSettings(files), opened: await openModelFrom(files, options) }
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
    sentence: null,
    close: async () => {},
  }
}
