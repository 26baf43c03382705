// What BERT does to text before word pieces, in the library's classes plus the two places where they differ from the
// reference implementation (Hugging Face tokenizers in Rust). The vocabulary learner and the tokenizer share it.

import * as library from '@huggingface/tokenizers'

/**
 * Where a text can be cut without changing its tokens: white space that the normalizer keeps as a separator. U+000B,
 * U+000C, U+0085 and U+FEFF are not among them: it deletes those as control characters, joining what is around them.
 */
export const SEPARATORS = /[\t\n\r\u2028\u2029\p{Zs}]+/u

/** Options as `tokenizer.json` names them; null strips accents where `lowercase` is set. */
export interface BertNormalizerOptions {
  clean_text: boolean
  handle_chinese_chars: boolean
  strip_accents: boolean | null
  lowercase: boolean
}

// Ideographs above U+FFFF: the library looks at UTF-16 units and so never sets them apart.
const SUPPLEMENTARY_IDEOGRAPHS = /[\u{20000}-\u{2a6df}\u{2a700}-\u{2b81f}\u{2b820}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/u
const EACH_SUPPLEMENTARY_IDEOGRAPH = new RegExp(SUPPLEMENTARY_IDEOGRAPHS, 'gu')

/**
 * Rewrites the characters that the library's normalizer would treat otherwise than the reference does, so that its
 * result is the reference's. Almost all text comes back unchanged.
 */
export function bridgeToReference(text: string, options: BertNormalizerOptions): string {
  if (options.handle_chinese_chars && SUPPLEMENTARY_IDEOGRAPHS.test(text))
    text = text.replace(EACH_SUPPLEMENTARY_IDEOGRAPH, ' $& ')
  // The reference lowers each character by itself; JavaScript makes a sigma at a word's end a final one.
  if (options.lowercase && text.includes('Σ')) text = text.replaceAll('Σ', 'σ')
  return text
}

// The library's type files re-export these without file endings, which TypeScript does not follow under `nodenext`.
interface BertClasses {
  BertNormalizer: new (config: { type: 'BertNormalizer' } & BertNormalizerOptions) => {
    normalize(text: string): string
  }
  BertPreTokenizer: new () => { pre_tokenize(text: string): string[] }
}

/** Returns a function from text to BERT's words: what word pieces are made of. */
export function makeWordSplitter(lowercase: boolean): (text: string) => string[] {
  const options: BertNormalizerOptions = {
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase,
  }
  const normalizer = new (library as unknown as BertClasses).BertNormalizer({ type: 'BertNormalizer', ...options })
  const preTokenizer = new (library as unknown as BertClasses).BertPreTokenizer()
  return (text) => preTokenizer.pre_tokenize(normalizer.normalize(bridgeToReference(text, options)))
}
