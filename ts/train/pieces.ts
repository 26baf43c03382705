// Piece dropout: word pieces fall into smaller ones at random as a text is read for training, so that each pass sees
// another spelling of it. What is rare as a whole shares its parts with what is not: few texts teach more words.
// A relative of BPE-dropout (Provilkov et al., 2020) and MaxMatch-dropout (Hiraoka, 2022) that works on ids.

import type { Random } from '../../kernels/program/random.ts'

/** What a model reads of a text, or of two. */
export interface Tokens {
  /** token ids, [CLS] and [SEP] included */
  ids: Int32Array
  /** token types, of pairs of texts; all 0 where not given */
  types?: Int32Array
}

export interface PieceDropout {
  /** how likely a piece falls into two, each of which may fall again; 0 to below 1 */
  rate: number
  /** by id of a piece: the pairs of pieces that spell the same, as left, right, left, right, ... */
  pairs: readonly Int32Array[]
}

const CONTINUES = '##'

/** A vocabulary whose pieces can fall apart: WordPiece, with a piece that goes on with a word. */
export const isWordPiece = (vocabulary: readonly string[]): boolean =>
  vocabulary.some((piece) => piece.startsWith(CONTINUES))

/**
 * The pairs of pieces of a WordPiece vocabulary that spell each of its pieces; special tokens have none.
 * @throws where no piece begins with ##: the vocabulary is of another kind, whose pieces are not put together so
 */
export function piecePairs(vocabulary: readonly string[]): Int32Array[] {
  if (!isWordPiece(vocabulary))
    throw new Error(
      'train: pieces fall apart in WordPiece vocabularies alone, and no piece of this one begins with ##; leave out pieceDropout',
    )
  const ids = new Map(vocabulary.map((piece, id) => [piece, id]))
  return vocabulary.map((piece) => {
    const pairs: number[] = []
    if (/^\[.+\]$/.test(piece)) return Int32Array.from(pairs)
    const prefix = piece.startsWith(CONTINUES) ? CONTINUES : ''
    const characters = [...piece.slice(prefix.length)]
    for (let i = 1; i < characters.length; i++) {
      const left = ids.get(prefix + characters.slice(0, i).join(''))
      const right = ids.get(CONTINUES + characters.slice(i).join(''))
      if (left !== undefined && right !== undefined) pairs.push(left, right)
    }
    return Int32Array.from(pairs)
  })
}

/**
 * Another spelling of the same text: no word gains or loses a character, and parts of a piece have its type.
 * @param limit most ids of the result; beyond it the end is lost, but for the last id, which is [SEP]
 */
export function dropPieces(
  { ids, types }: Tokens,
  { rate, pairs }: PieceDropout,
  limit: number,
  random: Random,
): Tokens {
  const spelt: { id: number; type: number }[] = []
  const rest = Array.from(ids, (id, m) => ({ id, type: types?.[m] ?? 0 })).reverse()
  for (let piece = rest.pop(); piece !== undefined; piece = rest.pop()) {
    const { id, type } = piece
    const parts = pairs[id] ?? []
    if (parts.length === 0 || random.next() >= rate) {
      spelt.push(piece)
      continue
    }
    const at = 2 * random.int(parts.length / 2)
    rest.push({ id: parts[at + 1], type }, { id: parts[at], type })
  }
  if (spelt.length > limit) spelt.splice(limit - 1, spelt.length - limit)
  return {
    ids: Int32Array.from(spelt, ({ id }) => id),
    ...(types && { types: Int32Array.from(spelt, ({ type }) => type) }),
  }
}
