// The special tokens around a text and around a pair, and the token types, from tokenizer.json's post-processor.

import type { PostProcessorJson, TemplatePiece } from './tokenizer-json.ts'

/** A place for one of the texts, or an id that is always there; each with its token type. */
export type Place = { text: 'A' | 'B'; type: number } | { id: number; type: number }

export interface Template {
  /** one id, the text, one id */
  single: { first: number; last: number }
  pair: Place[]
}

const placesOf = (pieces: TemplatePiece[], ids: PostProcessorJson['special_tokens'] = {}): Place[] =>
  pieces.flatMap((piece): Place[] => {
    if ('Sequence' in piece) return [{ text: piece.Sequence.id, type: piece.Sequence.type_id }]
    const { id, type_id: type } = piece.SpecialToken
    return (ids[id]?.ids ?? []).map((special) => ({ id: special, type }))
  })

const isText = (place: Place): place is { text: 'A' | 'B'; type: number } => 'text' in place

/**
 * @param fallback ids of the first and the last token where the post-processor puts none
 * @throws where it does not put one token before and one after a text
 */
export function templateOf(json: PostProcessorJson | null | undefined, fallback: () => [number, number]): Template {
  const [single, pair] = listPlaces(json)
  if (single.length === 1) {
    const [first, last] = fallback()
    return { single: { first, last }, pair: bertPair(first, last) }
  }
  const [before, text, after] = single
  if (single.length !== 3 || isText(before) || !isText(text) || isText(after))
    throw new Error(
      `tokenizer.json: it puts ${single.length - 1} tokens around a text; expected one before and one after`,
    )
  return { single: { first: before.id, last: after.id }, pair }
}

const bertPair = (first: number, last: number): Place[] => [
  { id: first, type: 0 },
  { text: 'A', type: 0 },
  { id: last, type: 0 },
  { text: 'B', type: 1 },
  { id: last, type: 1 },
]

/** What is put around one text and around two. */
function listPlaces(json: PostProcessorJson | null | undefined): [single: Place[], pair: Place[]] {
  const bare: Place = { text: 'A', type: 0 }
  const none: [Place[], Place[]] = [[bare], [bare, { text: 'B', type: 0 }]]
  if (!json) return none
  const { type, cls, sep } = json
  if (type === 'Sequence') {
    const found = (json.processors ?? []).map(listPlaces).find(([single]) => single.length > 1)
    return found ?? none
  }
  if (type === 'ByteLevel') return none
  if (type === 'TemplateProcessing')
    return [placesOf(json.single ?? [], json.special_tokens), placesOf(json.pair ?? [], json.special_tokens)]
  if ((type !== 'BertProcessing' && type !== 'RobertaProcessing') || !cls || !sep)
    throw new Error(
      `tokenizer.json: post_processor is ${type}, expected TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel or a Sequence of them`,
    )
  const [first, last] = [cls[1], sep[1]]
  const single = [{ id: first, type: 0 }, bare, { id: last, type: 0 }]
  if (type === 'BertProcessing') return [single, bertPair(first, last)]
  const second: Place[] = [
    { id: last, type: 0 },
    { text: 'B', type: 0 },
    { id: last, type: 0 },
  ]
  return [single, [...single, ...second]]
}

/**
 * How many tokens of each text stay where `most` fit: the longer text is cut first (`longest_first`).
 */
export function cutLongestFirst(a: number, b: number, most: number): [number, number] {
  if (a + b <= most) return [a, b]
  const least = Math.min(a, b)
  // the longer text alone gives way while what is left of it is no shorter than the other
  const isEnough = 2 * least <= most
  const shorter = isEnough ? least : Math.floor(most / 2)
  const longer = most - shorter
  return a > b ? [longer, shorter] : [shorter, longer]
}
