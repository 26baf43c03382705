// Names that columns of texts and labels mostly have. Of several that a file has, the first of a list wins.

export const TEXT_NAMES = [
  'text',
  'sentence',
  'review',
  'content',
  'message',
  'comment',
  'tweet',
  'body',
  'document',
  'текст',
  'отзыв',
]
export const LABEL_NAMES = [
  'label',
  'labels',
  'class',
  'category',
  'sentiment',
  'target',
  'polarity',
  'stars',
  'rating',
  'gold_label',
  'is_duplicate',
  'similarity',
  'score',
  'метка',
  'класс',
]

/** Names of two texts that are read as one: a file that has both of a line has pairs. */
const PAIR_NAMES: readonly (readonly [string, string])[] = [
  ['text', 'text_pair'],
  ['text_a', 'text_b'],
  ['text1', 'text2'],
  ['sentence1', 'sentence2'],
  ['sentence_a', 'sentence_b'],
  ['premise', 'hypothesis'],
  ['question1', 'question2'],
  ['question', 'sentence'],
  ['question', 'passage'],
  ['query', 'passage'],
  ['query', 'document'],
]

export const fold = (name: string): string => name.trim().toLowerCase()

/** The place of the first of the `usual` names that there is; -1 where there is none. */
export function usualName(names: readonly string[], usual: readonly string[]): number {
  const folded = names.map(fold)
  return folded.indexOf(usual.find((name) => folded.includes(name)) ?? '\0')
}

/** The places of the two names of a pair; null where no pair has both. */
export function pairIn(names: readonly string[]): [number, number] | null {
  const folded = names.map(fold)
  const pair = PAIR_NAMES.find((both) => both.every((name) => folded.includes(name)))
  return pair ? [folded.indexOf(pair[0]), folded.indexOf(pair[1])] : null
}

/** The usual name of the text that goes before a second one of this name; null where none is known. */
export const partnerOf = (second: string): string | null =>
  PAIR_NAMES.find(([, name]) => name === fold(second))?.[0] ?? null

/** The names of a list joined by commas; null where it names one. */
export function namesOfList(names: string): string[] | null {
  const list = names.split(',').map((name) => name.trim())
  return list.length > 1 ? list : null
}
