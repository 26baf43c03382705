// What may be done to a text before the tokenizer sees it, as the study describes it: normalisation, stop words,
// stemming. A model that was trained on prepared texts says so in its config.json, and its tokenizer prepares
// them (preparedTokenizer), so that nobody who runs the model can forget it. The libraries behind this file are loaded only
// for such models: `pipeline` imports it when it meets one.

import { Parser } from 'htmlparser2'
import { stemmer as stemEnglish } from '@orama/stemmers/english'
import { stemmer as stemRussian } from '@orama/stemmers/russian'
import { stopwords as englishStopWords } from '@orama/stopwords/english'
import { stopwords as russianStopWords } from '@orama/stopwords/russian'
import type { TextPreparation } from './preparation.ts'
import type { Tokenizer } from './tokenizer.ts'

type Language = 'ru' | 'en'

/**
 * Prepares one text. Steps run in the order normalise, stopwords, stem, whatever their order in the list.
 * - normalise: HTML tags out and entities decoded, Unicode NFKC, links, e-mail addresses and mentions replaced by the
 *   words `link`, `email` and `mention`, control and invisible characters out, white space to single spaces
 * - stopwords: the language's function words out, those that negate, weigh or judge kept
 * - stem: words to their Snowball (Russian) or Porter (English) stems, in lower case
 *
 * @returns the text, '' where nothing is left of it
 * @example
 * prepareText('Don&#39;t <b>miss</b> it: https://example.org', { steps: ['normalise'], language: 'en' })
 * // "Don't miss it: link"
 */
export function prepareText(text: string, { steps, language }: TextPreparation): string {
  if (steps.includes('normalise')) text = normalise(text)
  if (!steps.includes('stopwords') && !steps.includes('stem')) return text
  const spoken = language === 'auto' ? languageOf(text) : language
  if (steps.includes('stopwords')) text = removeStopWords(text, STOP_WORDS[spoken])
  if (steps.includes('stem')) text = text.replace(WORD, (word) => stem(word, spoken))
  return text
}

/** The tokenizer with the preparation before it; the tokenizer itself where there are no steps. */
export function preparedTokenizer(tokenizer: Tokenizer, preparation: TextPreparation | undefined): Tokenizer {
  if (!preparation?.steps.length) return tokenizer
  return {
    ...tokenizer,
    encode: (text, maxLength) => tokenizer.encode(prepareText(text, preparation), maxLength),
    encodePair: (text, second, ...rest) =>
      tokenizer.encodePair(prepareText(text, preparation), prepareText(second, preparation), ...rest),
  }
}

// ---- normalise

/** Tags inside words; every other tag separates what is around it. */
const INLINE = new Set('a abbr b big cite code em font i mark q s small span strike strong sub sup tt u'.split(' '))
/** Elements whose content is not text. */
const UNREADABLE = new Set(['script', 'style'])

const LINK = /\b(?:https?:\/\/|ftp:\/\/|www\.)[^\s<>"]*[^\s<>".,;:!?)\]}'»…]/giu
// Starts are bounded, so that a long run of letters is not tried again from each of them.
const EMAIL = /(?<![\p{L}\p{N}._%+-])[\p{L}\p{N}._%+-]{1,64}@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,}/gu
// @name, and [id123|Name] or [club123|Name] as VK writes them
const MENTION = /\[(?:id|club|public)\d+\|[^[\]\n]{0,200}\]|(?<![\p{L}\p{N}_@])@[\p{L}\p{N}_]+/gu
// White space among the controls stays, to become a space; joiners stay too, since emoji are made of them.
const INVISIBLE = /(?![\s\u200c\u200d])[\p{Cc}\p{Cf}]/gu
const SPACES = /[\s\u0085]+/gu

function normalise(text: string): string {
  return withoutHtml(text)
    .normalize('NFKC')
    .replace(EMAIL, 'email')
    .replace(LINK, 'link')
    .replace(MENTION, 'mention')
    .replace(SPACES, ' ')
    .replace(INVISIBLE, '')
    .replace(/ {2,}/g, ' ')
    .trim()
}

/** Tags out, entities decoded. A `<` that no `>` follows opens no tag: the parser would drop all after it. */
function withoutHtml(text: string): string {
  if (!/[<&]/.test(text)) return text
  const closed = text.lastIndexOf('>') + 1
  let result = ''
  let unreadable = 0
  const parser = new Parser({
    onopentagname: (name) => {
      if (UNREADABLE.has(name)) unreadable++
      if (!INLINE.has(name)) result += ' '
    },
    onclosetag: (name) => {
      if (UNREADABLE.has(name)) unreadable--
      if (!INLINE.has(name)) result += ' '
    },
    ontext: (part) => {
      if (unreadable === 0) result += part
    },
  })
  parser.end(text.slice(0, closed) + text.slice(closed).replaceAll('<', '&lt;'))
  return result
}

// ---- words

const WORD = /[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}\p{N}]+)*/gu

/** By the letters that there are more of; English where there are as many. */
function languageOf(text: string): Language {
  const count = (script: RegExp): number => text.match(script)?.length ?? 0
  return count(/\p{Script=Cyrillic}/gu) > count(/\p{Script=Latin}/gu) ? 'ru' : 'en'
}

/** In the library's lists, yet what a text is classified by: who takes `not` out of a review turns it round. */
const MEANINGFUL = {
  en: "against cannot down few more most no nor not off only over too under up very isn't aren't wasn't weren't hasn't haven't hadn't doesn't don't didn't won't wouldn't shan't shouldn't can't couldn't mustn't",
  ru: 'без более больше впрочем жизнь конечно лучше не нельзя нет ни никогда ничего совсем хорошо человек чуть',
}

function stopWords(words: readonly string[], language: Language): Set<string> {
  const kept = new Set(MEANINGFUL[language].split(' '))
  return new Set(words.filter((word) => !kept.has(word)))
}

// the library's English list has every article but this one
const STOP_WORDS = { en: stopWords(['a', ...englishStopWords], 'en'), ru: stopWords(russianStopWords, 'ru') }

const fold = (word: string): string => word.toLowerCase().replaceAll('’', "'")

function removeStopWords(text: string, words: Set<string>): string {
  return text
    .replace(WORD, (word) => (words.has(fold(word)) ? '' : word))
    .replace(/[^\S\n]{2,}/g, ' ')
    .trim()
}

// One stem costs some thirty regular expressions, and texts say the same words again and again.
const MAX_STEMS = 1 << 16
const stems: Record<Language, Map<string, string>> = { en: new Map(), ru: new Map() }

/** Words of another script than the language's stay as they are, but for lower case. */
function stem(word: string, language: Language): string {
  const lower = fold(word)
  const known = stems[language]
  let found = known.get(lower)
  if (found === undefined) {
    if (language === 'ru') found = /^[а-яё]+$/.test(lower) ? stemRussian(lower) : lower
    else found = /^[a-z']+$/.test(lower) ? stemEnglish(lower.replace(/'s?$/, '')) : lower
    if (known.size >= MAX_STEMS) known.clear()
    known.set(lower, found)
  }
  return found
}
