// From text to the pieces that a tokenizer's model reads: normalizers and pre-tokenizers of tokenizer.json. The library
// has most of them; those that it computes otherwise than the reference (Hugging Face tokenizers in Rust) are here.

import * as library from '@huggingface/tokenizers'
import { bridgeToReference } from './bert-normalizer.ts'
import type { NormalizerJson, PreTokenizerJson } from './tokenizer-json.ts'

export type Normalize = (text: string) => string
/** @param isFirst the text is what all begins with */
export type PreTokenize = (text: string, isFirst: boolean) => string[]

/** Makes a normalizer from sentencepiece's table; in unigram.ts, so that others do not load it. */
export type MakePrecompiled = (charsmap: string) => Normalize

// The library's type files re-export these without file endings, which TypeScript does not follow under `nodenext`.
interface LibraryClasses {
  SequenceNormalizer: new (config: object) => { normalize(text: string): string }
  SequencePreTokenizer: new (config: object) => { pre_tokenize(text: string): string[] }
}

export function makeNormalizer(json: NormalizerJson | null | undefined, makePrecompiled?: MakePrecompiled): Normalize {
  if (!json) return (text) => text
  switch (json.type) {
    case 'Sequence': {
      const steps = (json.normalizers ?? []).map((step) => makeNormalizer(step, makePrecompiled))
      return (text) => steps.reduce((current, step) => step(current), text)
    }
    case 'Lowercase':
      // the reference lowers each character by itself; JavaScript makes a sigma at a word's end a final one
      return (text) => text.replaceAll('Σ', 'σ').toLowerCase()
    case 'Precompiled':
      if (!json.precompiled_charsmap) return (text) => text
      if (!makePrecompiled)
        throw new Error(
          'tokenizer.json: a Precompiled normalizer is opened by openTokenizer, which loads what it needs',
        )
      return makePrecompiled(json.precompiled_charsmap)
    default: // the library's own
  }
  const normalizer = new (library as unknown as LibraryClasses).SequenceNormalizer({
    type: 'Sequence',
    normalizers: [json],
  })
  if (json.type !== 'BertNormalizer') return (text) => normalizer.normalize(text)
  const options = {
    clean_text: json.clean_text ?? false,
    handle_chinese_chars: json.handle_chinese_chars ?? false,
    strip_accents: json.strip_accents ?? null,
    lowercase: json.lowercase ?? false,
  }
  return (text) => normalizer.normalize(bridgeToReference(text, options))
}

/** The character that stands for each byte: itself where it can be printed, else one from U+0100. */
export const BYTE_CHARACTERS: readonly string[] = (() => {
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrinted = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173)
    return String.fromCharCode(isPrinted ? byte : next++)
  })
})()

const BYTE_LEVEL_WORDS =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu

export function makePreTokenizer(json: PreTokenizerJson | null | undefined): PreTokenize {
  if (!json) return (text) => [text]
  switch (json.type) {
    case 'Sequence': {
      const steps = (json.pretokenizers ?? []).map(makePreTokenizer)
      return (text, isFirst) =>
        steps.reduce((words, step) => words.flatMap((word, i) => step(word, isFirst && i === 0)), [text])
    }
    case 'WhitespaceSplit':
      return (text) => text.match(/\P{White_Space}+/gu) ?? []
    case 'ByteLevel': {
      const { add_prefix_space: addsSpace = true, use_regex: cuts = true } = json
      const encoder = new TextEncoder()
      return (text) => {
        if (addsSpace && !text.startsWith(' ')) text = ` ${text}`
        const words = cuts ? (text.match(BYTE_LEVEL_WORDS) ?? []) : [text]
        return words.map((word) => Array.from(encoder.encode(word), (byte) => BYTE_CHARACTERS[byte]).join(''))
      }
    }
    case 'Metaspace': {
      const { replacement = '▁', split = true } = json
      const scheme = json.prepend_scheme ?? (json.add_prefix_space === false ? 'never' : 'always')
      return (text, isFirst) => {
        let marked = text.replaceAll(' ', replacement)
        const begins = scheme === 'always' || (scheme === 'first' && isFirst)
        if (begins && !marked.startsWith(replacement)) marked = replacement + marked
        if (!split) return [marked]
        // every mark begins a piece
        return marked.split(replacement).flatMap((part, i) => (i > 0 ? [replacement + part] : part ? [part] : []))
      }
    }
    default: // the library's own
  }
  const preTokenizer = new (library as unknown as LibraryClasses).SequencePreTokenizer({
    type: 'Sequence',
    pretokenizers: [json],
  })
  return (text) => preTokenizer.pre_tokenize(text)
}
