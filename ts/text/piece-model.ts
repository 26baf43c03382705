// A tokenizer's model: what cuts a word into the pieces of a vocabulary. The library computes; this file checks the
// vocabulary and hides what the three models name differently.

import * as library from '@huggingface/tokenizers'
import type { ModelJson } from './tokenizer-json.ts'

export interface PieceModel {
  type: 'WordPiece' | 'BPE' | 'Unigram'
  /** id of each token */
  vocabulary: ReadonlyMap<string, number>
  /** The pieces of a word as the vocabulary has them; unknown ones of Unigram as they are in the word. */
  pieces(word: string): string[]
  /** @returns undefined for a piece that the vocabulary does not have, in models without an unknown token */
  idOf(piece: string): number | undefined
  unknownId: number | undefined
}

interface LibraryModel {
  (words: string[]): string[]
  tokens_to_ids: Map<string, number>
  unk_token_id: number | undefined
}
type ModelClass = new (json: object) => LibraryModel
type LibraryModels = Record<'WordPiece' | 'BPE' | 'Unigram', ModelClass>
// named one by one, so that bundlers leave the rest of the library out
const MODELS: LibraryModels = {
  WordPiece: (library as unknown as LibraryModels).WordPiece,
  BPE: (library as unknown as LibraryModels).BPE,
  Unigram: (library as unknown as LibraryModels).Unigram,
}

/** @throws where the model is none of the three, or its vocabulary is not valid */
export function openPieceModel(json: ModelJson | undefined): PieceModel {
  const type = json?.type ?? guessType(json)
  if (!json || (type !== 'WordPiece' && type !== 'BPE' && type !== 'Unigram') || !json.vocab)
    throw new Error(
      `tokenizer.json: the model is ${type ?? 'missing'}, expected WordPiece, BPE or Unigram with a vocabulary`,
    )
  if (type === 'BPE' && !Array.isArray(json.merges))
    throw new Error('tokenizer.json: the model is BPE without merges, expected a list of them')
  if (type === 'Unigram' && json.byte_fallback)
    throw new Error('tokenizer.json: a Unigram model with byte_fallback is not read here; use another model')
  checkIds(type, json)
  let model: LibraryModel
  try {
    model = new MODELS[type]({ continuing_subword_prefix: '##', ...json, type })
  } catch (error) {
    throw new Error(`tokenizer.json: its ${type} model is not understood (${(error as Error).message})`, {
      cause: error,
    })
  }
  const { tokens_to_ids: vocabulary, unk_token_id: unknownId } = model
  if (unknownId === undefined && type === 'WordPiece')
    throw new Error(`tokenizer.json: the unknown token '${json.unk_token}' is not in the vocabulary`)
  return {
    type,
    vocabulary,
    unknownId,
    // called with one word, since pieces of two are never joined
    pieces: (word) => model([word]),
    idOf: (piece) => vocabulary.get(piece) ?? unknownId,
  }
}

/** Files of old releases name no type. */
function guessType(json: ModelJson | undefined): string | undefined {
  if (!json?.vocab) return undefined
  if (Array.isArray(json.vocab)) return 'Unigram'
  return json.merges ? 'BPE' : 'WordPiece'
}

/** @throws where an id is not a whole number from 0, or two tokens have one */
function checkIds(type: string, { vocab }: ModelJson): void {
  const fail = (what: string): never => {
    throw new Error(`tokenizer.json: ${what}`)
  }
  if (Array.isArray(vocab) !== (type === 'Unigram'))
    fail(`the vocabulary of ${type} is ${Array.isArray(vocab) ? 'a list' : 'an object'}, expected the other`)
  if (Array.isArray(vocab)) {
    const bad = vocab.findIndex(
      (entry) => !Array.isArray(entry) || typeof entry[0] !== 'string' || !Number.isFinite(entry[1]),
    )
    if (bad >= 0) fail(`entry ${bad} of the vocabulary is ${JSON.stringify(vocab[bad])}, expected a piece and a score`)
    return
  }
  const tokens = Object.keys(vocab!)
  // ids without gaps, as nearly all are, need no more; a map of so many takes longer than all else here
  const seen = new Uint8Array(tokens.length)
  const beyond = new Set<number>()
  for (const token of tokens) {
    const id = vocab![token]
    if (!Number.isSafeInteger(id) || id < 0)
      fail(`the id of '${token}' is ${JSON.stringify(id)}, expected a whole number from 0`)
    if (id < seen.length ? seen[id] : beyond.has(id)) {
      const other = tokens.find((one) => vocab![one] === id)
      fail(`'${other}' and '${token}' both have the id ${id}; expected each id once`)
    }
    if (id < seen.length) seen[id] = 1
    else beyond.add(id)
  }
}
