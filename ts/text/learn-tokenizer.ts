// A new tokenizer for the texts of a task.

import { preparedTokenizer, prepareText } from './prepare.ts'
import type { TextPreparation } from './preparation.ts'
import { tokenizerFromVocabulary } from './bare-vocabulary.ts'
import { type Tokenizer } from './tokenizer.ts'
import { learnVocabulary } from './vocabulary.ts'

/** Learns a WordPiece vocabulary from texts as `preparation` makes them; the tokenizer prepares them likewise. */
export function learnTokenizer(texts: string[], size: number, preparation: TextPreparation | null): Tokenizer {
  const prepared = preparation ? texts.map((text) => prepareText(text, preparation)) : texts
  const lines = learnVocabulary(prepared, size, { lowercase: true })
  return preparedTokenizer(tokenizerFromVocabulary(lines, { lowercase: true }), preparation ?? undefined)
}
