// A tokenizer as the files beside a model, name -> text.

import { TOKENIZER_FILES } from '../io/folder.ts'
import { jsonOfVocabulary } from './bare-vocabulary.ts'
import { applySettings, readSettings } from './settings.ts'
import type { Tokenizer } from './tokenizer.ts'
import type { ModelJson, TokenizerJson } from './tokenizer-json.ts'

/** A tokenizer's files as a record: what `saveModel` takes. */
export const filesOf = (tokenizer: Tokenizer): Record<string, string> =>
  Object.fromEntries(tokenizer.files().map(({ name, content }) => [name, content]))

export { vocabularyOf } from './tokenizer.ts'

/** The files of the same tokenizer with other tokens: `vocabulary` by new id. */
export function withVocabulary(
  files: Record<string, string>,
  vocabulary: string[],
  lowercase: boolean,
): Record<string, string> {
  const settings = readSettings(files)
  const found = files['tokenizer.json']
  const own = found ? (JSON.parse(found) as TokenizerJson) : jsonOfVocabulary(files, lowercase, settings)
  const json = applySettings(own, settings)
  const ids = new Map(vocabulary.map((token, id) => [token, id]))
  const changed = {
    ...json,
    model: renumberedModel(json.model!, vocabulary, ids),
    added_tokens: (json.added_tokens ?? []).flatMap((token) => {
      const id = ids.get(token.content)
      return id === undefined ? [] : [{ ...token, id }]
    }),
    post_processor: renumberedPostProcessor(json.post_processor, ids),
  }
  // tokens with old ids must not stay in other files
  const kept = Object.entries(files).filter(([name]) => !(TOKENIZER_FILES as readonly string[]).includes(name))
  const { added_tokens_decoder: _, ...config } = settings.config
  return {
    ...Object.fromEntries(kept),
    'tokenizer.json': JSON.stringify(changed),
    ...(changed.model.type === 'WordPiece' && { 'vocab.txt': `${vocabulary.join('\n')}\n` }),
    'tokenizer_config.json': `${JSON.stringify({ do_lower_case: lowercase, ...config, ...settings.special }, null, 2)}\n`,
  }
}

function renumberedModel(model: ModelJson, vocabulary: string[], ids: Map<string, number>): ModelJson {
  const { vocab, merges, unk_id: unknown } = model
  if (Array.isArray(vocab)) {
    const scores = new Map(vocab)
    const listed = vocabulary.map((token): [string, number] => [token, scores.get(token) ?? 0])
    const unknownToken = typeof unknown === 'number' ? vocab[unknown][0] : null
    return { ...model, vocab: listed, unk_id: unknownToken === null ? null : (ids.get(unknownToken) ?? null) }
  }
  // a merge needs its parts and its result
  const isThere = (merge: string | [string, string]): boolean => {
    const [a, b] = typeof merge === 'string' ? merge.split(' ') : merge
    return ids.has(a) && ids.has(b) && ids.has(a + b)
  }
  return { ...model, vocab: Object.fromEntries(ids), ...(merges && { merges: merges.filter(isThere) }) }
}

/** The post-processor holds the ids of [CLS] and [SEP] too, in one of two layouts. */
const renumberedPostProcessor = (
  postProcessor: TokenizerJson['post_processor'],
  ids: Map<string, number>,
): TokenizerJson['post_processor'] =>
  JSON.parse(JSON.stringify(postProcessor ?? null), (key, value: unknown) => {
    if (key === 'special_tokens')
      for (const [token, entry] of Object.entries(value as Record<string, { ids: number[] }>))
        if (ids.has(token)) entry.ids = [ids.get(token)!]
    if ((key === 'cls' || key === 'sep') && Array.isArray(value) && ids.has(value[0] as string))
      return [value[0], ids.get(value[0] as string)]
    return value
  }) as TokenizerJson['post_processor']

/**
 * The files with `model_max_length` in tokenizer_config.json, so that other readers cut texts where this library does.
 * @param positions of the model
 */
export function withMaxLength(files: Record<string, string>, positions: number): Record<string, string> {
  if (!TOKENIZER_FILES.some((name) => name !== 'tokenizer_config.json' && Object.hasOwn(files, name))) return files
  const { config, maxLength } = readSettings({ 'tokenizer_config.json': files['tokenizer_config.json'] ?? '' })
  if (maxLength <= positions) return files
  const json = { ...config, model_max_length: positions }
  return { ...files, 'tokenizer_config.json': `${JSON.stringify(json, null, 2)}\n` }
}
