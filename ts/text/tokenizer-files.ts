// A tokenizer as the files beside a model, name -> text.

import { tokenizerFromVocabulary, type Tokenizer } from './tokenizer.ts'

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
  if (!files['tokenizer.json'])
    return Object.fromEntries(
      tokenizerFromVocabulary(vocabulary, { lowercase })
        .files()
        .map(({ name, content }) => [name, content]),
    )
  const json = JSON.parse(files['tokenizer.json']) as {
    added_tokens?: { id: number; content: string }[]
    model: { vocab: Record<string, number> }
    post_processor?: unknown
  }
  const ids = new Map(vocabulary.map((token, id) => [token, id]))
  json.model.vocab = Object.fromEntries(ids)
  json.added_tokens = (json.added_tokens ?? []).flatMap((token) => {
    const id = ids.get(token.content)
    return id === undefined ? [] : [{ ...token, id }]
  })
  // the post-processor holds the ids of [CLS] and [SEP] too, in one of two layouts
  json.post_processor = JSON.parse(JSON.stringify(json.post_processor ?? null), (key, value: unknown) => {
    if (key === 'special_tokens')
      for (const [token, entry] of Object.entries(value as Record<string, { ids: number[] }>))
        if (ids.has(token)) entry.ids = [ids.get(token)!]
    if ((key === 'cls' || key === 'sep') && Array.isArray(value) && ids.has(value[0] as string))
      return [value[0], ids.get(value[0] as string)]
    return value
  })
  return { ...files, 'tokenizer.json': JSON.stringify(json), 'vocab.txt': `${vocabulary.join('\n')}\n` }
}
