// The tokenizer that came with a model.

import type { BertConfig } from '../model/config.ts'
import { tokenizerFromJson, tokenizerFromVocabulary, type Tokenizer } from '../text/tokenizer.ts'

/**
 * The tokenizer of a model's files, which prepares texts as the model's training did. What preparation needs is loaded
 * for such models alone.
 *
 * @param files name -> text, as `loadModel` found them
 * @throws as `tokenizerOfFiles`
 */
export async function openTokenizer(
  files: Record<string, string>,
  config: BertConfig,
  where: string,
): Promise<Tokenizer> {
  return preparing(tokenizerOfFiles(files, config, where), config)
}

/** The tokenizer with the preparation that the model has on record before it. */
export async function preparing(tokenizer: Tokenizer, { preparation }: BertConfig): Promise<Tokenizer> {
  if (!preparation?.steps.length) return tokenizer
  const { preparedTokenizer } = await import('../text/prepare.ts')
  return preparedTokenizer(tokenizer, preparation)
}

/**
 * Makes the tokenizer from tokenizer.json, or else from vocab.txt; it does not prepare texts.
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
      `${where}: there is no tokenizer, neither tokenizer.json nor vocab.txt${where.startsWith('preset:') ? ' (presets have random weights and no vocabulary)' : ''}`,
    )
  if (tokenizer.vocabSize > config.vocabSize)
    throw new Error(
      `${where}: the tokenizer has ${tokenizer.vocabSize} tokens, the model's word table ${config.vocabSize}; they are not of one model`,
    )
  return tokenizer
}
