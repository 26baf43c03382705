// The tokenizer that came with a model, without waiting: what reads folders without tokenizer.json is loaded with this file,
// so that pages take open-tokenizer.ts instead.

import type { BertConfig } from '../model/config.ts'
import { jsonOfVocabulary } from '../text/bare-vocabulary.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { makeTokenizer } from './open-tokenizer.ts'

export { openTokenizer, preparing } from './open-tokenizer.ts'

/**
 * Makes the tokenizer of a model's files; it does not prepare texts.
 * @throws as `makeTokenizer`, and for a sentencepiece table, which `openTokenizer` reads
 */
export const tokenizerOfFiles = (files: Record<string, string>, config: BertConfig, where: string): Tokenizer =>
  makeTokenizer(files, config, where, { jsonOfVocabulary })
