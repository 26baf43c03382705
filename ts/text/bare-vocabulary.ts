// Tokenizers of folders without tokenizer.json: the description that transformers makes from a bare vocabulary.

import { readSettings, type SpecialName, type TokenizerSettings } from './settings.ts'
import { tokenizerFromJson, type Tokenizer } from './tokenizer.ts'
import type { PostProcessorJson, TokenizerJson } from './tokenizer-json.ts'

const MAX_CHARACTERS_PER_WORD = 100

const BERT_NAMES: Partial<Record<SpecialName, string>> = {
  unk_token: '[UNK]',
  sep_token: '[SEP]',
  pad_token: '[PAD]',
  cls_token: '[CLS]',
  mask_token: '[MASK]',
}
const ROBERTA_NAMES: Partial<Record<SpecialName, string>> = {
  bos_token: '<s>',
  eos_token: '</s>',
  unk_token: '<unk>',
  sep_token: '</s>',
  pad_token: '<pad>',
  cls_token: '<s>',
  mask_token: '<mask>',
}

/** Names of the files, with the class's own for what they do not name. */
const namesOf = (settings: TokenizerSettings, own: Partial<Record<SpecialName, string>>): Record<SpecialName, string> =>
  ({ ...own, ...settings.special }) as Record<SpecialName, string>

/** The class's own special tokens that no file names. */
function ownTokens(
  vocab: Record<string, number>,
  settings: TokenizerSettings,
  own: Partial<Record<SpecialName, string>>,
): TokenizerJson['added_tokens'] {
  return [...new Set(Object.values(own))]
    .filter((content) => Object.hasOwn(vocab, content) && !settings.named.some((token) => token.content === content))
    .map((content) => ({
      id: vocab[content],
      content,
      single_word: false,
      lstrip: content === '<mask>',
      rstrip: false,
      normalized: false,
      special: true,
    }))
    .filter(({ content }) =>
      Object.entries(own).some(([name, token]) => token === content && !(name in settings.special)),
    )
    .sort((a, b) => a.id - b.id)
}

/** @throws where one of the names is not in the vocabulary */
function checkNames(file: string, vocab: Record<string, number>, names: string[]): void {
  for (const name of names)
    if (!Object.hasOwn(vocab, name))
      throw new Error(
        `${file}: ${name} is missing among ${Object.keys(vocab).length} tokens; expected the unknown, first and last token of texts, by the names in tokenizer_config.json or the class's own`,
      )
}

/**
 * tokenizer.json of a `vocab.txt`.
 * @throws where the vocabulary is empty, or lacks the unknown, the first or the last token
 */
export function wordPieceJson(
  lines: string[],
  settings: TokenizerSettings,
  options: { lowercase: boolean },
): TokenizerJson {
  const tokens = lines.map((line) => line.replace(/[\r\n]+$/, ''))
  while (tokens.length > 0 && tokens[tokens.length - 1] === '') tokens.pop()
  if (tokens.length === 0)
    throw new Error('vocab.txt: it is empty; expected one token a line, [UNK], [CLS], [SEP] among them')
  // of a token on two lines the last has it, as in transformers
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]))
  const isMpnet = settings.className === 'MPNetTokenizer'
  const own = isMpnet ? { ...ROBERTA_NAMES, unk_token: '[UNK]' } : BERT_NAMES
  const { unk_token, cls_token, sep_token } = namesOf(settings, own)
  const added = (settings.added ?? []).map(({ content, id }) => [content, id] as const)
  checkNames('vocab.txt', { ...vocab, ...Object.fromEntries(added) }, [unk_token, cls_token, sep_token])
  const { do_lower_case, strip_accents, tokenize_chinese_chars } = settings.config
  const idOf = (token: string): number => vocab[token] ?? Object.fromEntries(added)[token]
  return {
    ...HEAD,
    added_tokens: ownTokens(vocab, settings, own),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: typeof tokenize_chinese_chars === 'boolean' ? tokenize_chinese_chars : true,
      strip_accents: typeof strip_accents === 'boolean' ? strip_accents : null,
      lowercase: typeof do_lower_case === 'boolean' ? do_lower_case : options.lowercase,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: isMpnet
      ? robertaProcessing([cls_token, idOf(cls_token)], [sep_token, idOf(sep_token)])
      : bertTemplate([cls_token, idOf(cls_token)], [sep_token, idOf(sep_token)]),
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true } as TokenizerJson['decoder'],
    model: {
      type: 'WordPiece',
      unk_token,
      continuing_subword_prefix: '##',
      max_input_chars_per_word: MAX_CHARACTERS_PER_WORD,
      vocab,
    },
  }
}

const HEAD = { version: '1.0', truncation: null, padding: null }

type Special = [token: string, id: number]

const robertaProcessing = (cls: Special, sep: Special): PostProcessorJson & object => ({
  type: 'RobertaProcessing',
  sep,
  cls,
  ...{ trim_offsets: true, add_prefix_space: false },
})

/** [CLS] A [SEP], and [CLS] A [SEP] B [SEP] with type 1 from B on. */
export function bertTemplate([cls, clsId]: Special, [sep, sepId]: Special): PostProcessorJson {
  const token = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } })
  const a = { Sequence: { id: 'A' as const, type_id: 0 } }
  const b = { Sequence: { id: 'B' as const, type_id: 1 } }
  return {
    type: 'TemplateProcessing',
    single: [token(cls, 0), a, token(sep, 0)],
    pair: [token(cls, 0), a, token(sep, 0), b, token(sep, 1)],
    special_tokens: Object.fromEntries([
      [cls, { id: cls, ids: [clsId], tokens: [cls] }],
      [sep, { id: sep, ids: [sepId], tokens: [sep] }],
    ]),
  }
}

/**
 * tokenizer.json of `vocab.json` and `merges.txt`, as RoBERTa has them.
 * @throws where the first or the last token is missing, or a file is not what it should be
 */
export function byteLevelJson(vocabText: string, mergesText: string, settings: TokenizerSettings): TokenizerJson {
  let vocab: Record<string, number>
  try {
    vocab = JSON.parse(vocabText) as Record<string, number>
  } catch (error) {
    throw new Error(`vocab.json: not JSON (${(error as Error).message})`, { cause: error })
  }
  const { cls_token, sep_token } = namesOf(settings, ROBERTA_NAMES)
  checkNames('vocab.json', vocab, [cls_token, sep_token])
  const merges = mergesText.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#version'))
  const bad = merges.findIndex((line) => line.split(' ').length !== 2)
  if (bad >= 0)
    throw new Error(`merges.txt: merge ${bad + 1} is '${merges[bad]}', expected two pieces with a space between`)
  const prefix = settings.config.add_prefix_space === true
  return {
    ...HEAD,
    added_tokens: ownTokens(vocab, settings, ROBERTA_NAMES),
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: prefix, ...{ trim_offsets: true }, use_regex: true },
    post_processor: robertaProcessing([cls_token, vocab[cls_token]], [sep_token, vocab[sep_token]]),
    decoder: { type: 'ByteLevel' },
    model: { type: 'BPE', unk_token: null, continuing_subword_prefix: '', ...EMPTY_SUFFIX, vocab, merges },
  }
}

const EMPTY_SUFFIX = { end_of_word_suffix: '' }

/**
 * Makes BERT's WordPiece tokenizer from the lines of a `vocab.txt`; a token's id is its line's number, from 0. A token on
 * two lines has the number of the last.
 * @throws where the vocabulary is empty, or lacks [UNK], [CLS] or [SEP]
 * @example
 * tokenizerFromVocabulary(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'good'], { lowercase: true })
 *   .encode('Good!', 16) // 2 5 1 3
 */
export function tokenizerFromVocabulary(lines: string[], options: { lowercase: boolean }): Tokenizer {
  const config = {
    tokenizer_class: 'BertTokenizer',
    do_lower_case: options.lowercase,
    tokenize_chinese_chars: true,
    strip_accents: null,
    unk_token: '[UNK]',
    sep_token: '[SEP]',
    pad_token: '[PAD]',
    cls_token: '[CLS]',
    mask_token: '[MASK]',
  }
  const settings = readSettings({ 'tokenizer_config.json': JSON.stringify(config) })
  return tokenizerFromJson(wordPieceJson(lines, settings, options), config)
}

/**
 * tokenizer.json of the files of a folder that has none.
 * @throws where there is no vocabulary either, or it is not valid
 */
export function jsonOfVocabulary(
  files: Record<string, string>,
  lowercase: boolean,
  settings: TokenizerSettings,
): TokenizerJson {
  if (files['vocab.txt']) return wordPieceJson(files['vocab.txt'].split('\n'), settings, { lowercase })
  if (files['vocab.json'] && files['merges.txt'])
    return byteLevelJson(files['vocab.json'], files['merges.txt'], settings)
  if (files['vocab.json']) throw new Error('vocab.json has no merges.txt beside it; byte-level BPE needs both')
  throw new Error(
    'there is no tokenizer: none of tokenizer.json, vocab.txt, vocab.json with merges.txt, sentencepiece.bpe.model, spiece.model (presets have random weights and no vocabulary)',
  )
}
