// The tokenizer of a model folder.

import { tokenizerFromJson, tokenizerFromVocabulary, type Tokenizer } from '../text/tokenizer.ts'
import type { BertConfig } from '../model/config.ts'

/**
 * Makes the tokenizer from tokenizer.json, or else from vocab.txt.
 *
 * @param files name -> text, as `loadModel` found them
 * @throws where there is neither, a file is not valid, or the vocabulary is larger than the model's table
 */
export function tokenizerOfFiles(files: Record<string, string>, config: BertConfig, where: string): Tokenizer {
  const parse = (name: string): object => {
    try {
      return JSON.parse(files[name]) as object
    } catch (error) {
      throw new Error(`${where}: ${name}: not JSON (${(error as Error).message})`, { cause: error })
    }
  }
  let tokenizer: Tokenizer
  if (files['tokenizer.json'])
    tokenizer = tokenizerFromJson(
      parse('tokenizer.json'),
      files['tokenizer_config.json'] ? parse('tokenizer_config.json') : {},
    )
  else if (files['vocab.txt'])
    tokenizer = tokenizerFromVocabulary(files['vocab.txt'].split('\n'), { lowercase: config.lowercase })
  else
    throw new Error(
      `${where}: there is no tokenizer: expected tokenizer.json or vocab.txt${where.startsWith('preset:') ? ' (presets have random weights and no vocabulary)' : ''}`,
    )
  if (tokenizer.vocabSize > config.vocabSize)
    throw new Error(
      `${where}: the tokenizer has ${tokenizer.vocabSize} tokens, the model's word table ${config.vocabSize}; they are not of one model`,
    )
  return tokenizer
}
