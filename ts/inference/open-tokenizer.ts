// The tokenizer that came with a model.

import type { BertConfig } from '../model/config.ts'
import type { MakePrecompiled } from '../text/normalizers.ts'
import { readSettings, refuseClass, type TokenizerSettings } from '../text/settings.ts'
import type { TokenizerJson } from '../text/tokenizer-json.ts'
import { tokenizerFromJson, vocabularyOf, type PairEncoding, type Tokenizer } from '../text/tokenizer.ts'

/**
 * The tokenizer of a model's files, which prepares texts as the model's training did. What preparation or a sentencepiece
 * table needs is loaded for such models alone.
 *
 * @param files name -> text, as `loadModel` found them
 * @throws as `makeTokenizer`
 */
export async function openTokenizer(
  files: Record<string, string>,
  config: BertConfig,
  where: string,
): Promise<Tokenizer> {
  const json = files['tokenizer.json']
  const makePrecompiled = json?.includes('"precompiled_charsmap"')
    ? (await import('../text/precompiled.ts')).makePrecompiled
    : undefined
  const { jsonOfVocabulary } = json ? {} : await import('../text/bare-vocabulary.ts')
  return preparing(makeTokenizer(files, config, where, { makePrecompiled, jsonOfVocabulary }), config)
}

/** The tokenizer with the preparation that the model has on record before it. */
export async function preparing(tokenizer: Tokenizer, { preparation }: BertConfig): Promise<Tokenizer> {
  if (!preparation?.steps.length) return tokenizer
  const { preparedTokenizer } = await import('../text/prepare.ts')
  return preparedTokenizer(tokenizer, preparation)
}

/** Most tokens of a text: as the model's authors set them, at most its positions. */
export const mostTokens = (tokenizer: Tokenizer, { maxPositions }: BertConfig): number =>
  Math.min(maxPositions, tokenizer.maxLength)

/** What some tokenizers need beside their files; `openTokenizer` loads it. */
export interface TokenizerParts {
  makePrecompiled?: MakePrecompiled
  jsonOfVocabulary?: (files: Record<string, string>, lowercase: boolean, settings: TokenizerSettings) => TokenizerJson
}

/**
 * Makes the tokenizer from tokenizer.json, or with `jsonOfVocabulary` from vocab.txt, or vocab.json with merges.txt, and what
 * tokenizer_config.json, special_tokens_map.json and added_tokens.json say of it; it does not prepare texts.
 * @throws where there is none, a file is not valid, the class cuts texts otherwise than the files say, or the vocabulary is
 *   larger than the model's table
 */
export function makeTokenizer(
  files: Record<string, string>,
  config: BertConfig,
  where: string,
  { makePrecompiled, jsonOfVocabulary }: TokenizerParts = {},
): Tokenizer {
  try {
    const settings = readSettings(files, { modelType: config.family ?? 'bert' })
    const found = files['tokenizer.json'] ? parseJson(files['tokenizer.json']) : null
    refuseClass(settings, files)
    const json = found ?? jsonOfVocabulary?.(files, config.lowercase, settings)
    if (!json) throw new Error('tokenizer.json is missing, and nothing is given to read other files')
    const tokenizer = tokenizerFromJson(json, settings.config, { settings, makePrecompiled })
    return withinTable(tokenizer, config)
  } catch (error) {
    throw new Error(`${where}: ${(error as Error).message}`, { cause: error })
  }
}

function parseJson(text: string): TokenizerJson {
  try {
    return JSON.parse(text) as TokenizerJson
  } catch (error) {
    throw new Error(`tokenizer.json: not JSON (${(error as Error).message})`, { cause: error })
  }
}

/**
 * Added tokens may lie beyond the table, as long as no text uses them; then an error names the token.
 * @throws where a token of the vocabulary itself does, or shares its id with an added one
 */
function withinTable(tokenizer: Tokenizer, { vocabSize: rows, typeVocabSize }: BertConfig): Tokenizer {
  const { encode, encodePair, parts } = tokenizer
  const addedOf = new Map(parts.addedTokens.map(({ id, content }) => [id, content]))
  for (const [token, id] of parts.model.vocabulary) {
    if (id >= rows)
      throw new Error(
        `the tokenizer has '${token}' with the id ${id}, the model's word table ${rows} rows; they are not of one model`,
      )
    const added = addedOf.get(id) ?? token
    if (added !== token)
      throw new Error(`the added token '${added}' has the id ${id} of '${token}'; expected each id once`)
  }
  const checked = (ids: Int32Array): Int32Array => {
    for (const id of ids)
      if (id >= rows)
        throw new Error(
          `the text has the token '${vocabularyOf(tokenizer)[id]}' with the id ${id}, the model's word table has ${rows} rows; take the token out of the text, or give the model a row for it`,
        )
    return ids
  }
  const isLarger = tokenizer.vocabSize > rows
  return {
    ...tokenizer,
    encode: isLarger ? (text, maxLength) => checked(encode(text, maxLength)) : encode,
    encodePair(...texts): PairEncoding {
      const pair = encodePair(...texts)
      if (isLarger) checked(pair.ids)
      // a model with one type has no use for others
      return typeVocabSize > 1 ? pair : { ...pair, types: new Int32Array(pair.ids.length) }
    },
  }
}
