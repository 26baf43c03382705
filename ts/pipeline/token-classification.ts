// token-classification: entities in a text, token by token, or joined.

import { rankLabels } from '../inference/classifier.ts'
import { runBatches } from '../inference/batches.ts'
import { mostTokens } from '../inference/open-tokenizer.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { CALL_OPTIONS, CALL_WITHOUT_MEANING, limitsOf, type CallOptions, type TaskContext } from './call.ts'
import { decodeTokens } from './decode.ts'
import { traceTokens, type TracedToken } from './offsets.ts'
import { checkOptions, oneOf, texts as listOfTexts, type Known } from './options.ts'

export interface TokenClassifyOptions extends CallOptions {
  /**
   * 'none' (default): every token by itself; 'simple': neighbours with one label are joined; 'first': the tokens of a word have
   * the label of its first, and words are joined
   */
  aggregation_strategy?: 'none' | 'simple' | 'first'
  /** labels that are left out; ['O'] if not given */
  ignore_labels?: readonly string[]
}

/** A token with its label: `aggregation_strategy` 'none'. */
export interface TokenEntity {
  entity: string
  score: number
  /** of the token, counted from the special token before the text */
  index: number
  /** the token as the vocabulary has it */
  word: string
  /** place in the text, so that text.slice(start, end) is the token */
  start: number
  end: number
}

/** Joined tokens with their label, without its B- or I-. */
export interface EntityGroup {
  entity_group: string
  score: number
  word: string
  start: number
  end: number
}

const KNOWN: Known<TokenClassifyOptions> = {
  ...CALL_OPTIONS,
  aggregation_strategy: oneOf('none', 'simple', 'first'),
  ignore_labels: listOfTexts,
}

/** A token, or a word, with its best label. */
interface Labelled extends TokenEntity {
  /** pieces of the vocabulary that it consists of */
  pieces: string[]
  continuesWord: boolean
}

export function tokenClassifierOf({ open, notes }: TaskContext) {
  return async (texts: string | readonly string[], given?: TokenClassifyOptions) => {
    const options = checkOptions('token-classification', given, KNOWN, CALL_WITHOUT_MEANING, notes)
    const { aggregation_strategy: strategy = 'none', ignore_labels = ['O'], max_length } = options
    const model = open()
    const { config, tokenizer } = model
    const most = Math.min(config.maxPositions, max_length ?? mostTokens(tokenizer, config))
    const list = (Array.isArray(texts) ? texts : [texts]) as readonly string[]
    const { ids } = model.encode(list, most)
    const traced = list.map((text) => traceTokens(tokenizer, text, most))
    const width = config.labels.length
    const results = list.map((): (TokenEntity | EntityGroup)[] => [])
    const session = await model.session('token-logits')
    await runBatches(session, ids, limitsOf(options, model), (logits, positions, offsets) => {
      positions.forEach((i, b) => {
        const best = rankLabels(config, logits.subarray(offsets[b] * width, offsets[b + 1] * width), 1)
        const tokens = labelled(list[i], traced[i], best, tokenizer)
        const words = strategy === 'first' ? joinWords(tokens) : tokens
        results[i] = strategy === 'none' ? words.map(entityOf) : groupEntities(words, tokenizer)
        results[i] = results[i].filter(
          (found) => !ignore_labels.includes('entity' in found ? found.entity : found.entity_group),
        )
      })
    })
    return Array.isArray(texts) ? results : results[0]
  }
}

const entityOf = ({ entity, score, index, word, start, end }: Labelled): TokenEntity => ({
  ...{ entity, score, index, word, start, end },
})

/** The tokens of the text itself, each with its best label. */
function labelled(
  text: string,
  tokens: readonly TracedToken[],
  best: readonly { label: string; score: number }[][],
  { parts: { model } }: Tokenizer,
): Labelled[] {
  return tokens.flatMap(({ id, token, start, end, isSpecial }, index) => {
    const [{ label: entity, score }] = best[index]
    if (isSpecial) return []
    // an unknown token is the text that it is made of
    const isUnknown = id === model.unknownId
    const word = isUnknown ? text.slice(start, end) : token
    const continuesWord =
      model.type === 'WordPiece'
        ? !isUnknown && [...token].length !== [...text.slice(start, end)].length
        : !isUnknown && start > 0 && !text.slice(start - 1, start + 1).includes(' ')
    return [{ entity, score, index, word, start, end, pieces: [word], continuesWord }]
  })
}

/** Words have the label of their first token. */
function joinWords(tokens: readonly Labelled[]): Labelled[] {
  const words: Labelled[] = []
  for (const token of tokens) {
    const last = words.at(-1)
    if (last && token.continuesWord)
      words[words.length - 1] = { ...last, pieces: [...last.pieces, ...token.pieces], end: token.end }
    else words.push(token)
  }
  return words
}

/** B- or I- and what follows it; a label without either goes on. */
function tagOf(label: string): { begins: boolean; tag: string } {
  const isTagged = label.startsWith('B-') || label.startsWith('I-')
  return { begins: label.startsWith('B-'), tag: isTagged ? label.slice(2) : label }
}

/** Neighbours with one tag are one entity, unless the later one begins another. */
function groupEntities(tokens: readonly Labelled[], tokenizer: Tokenizer): EntityGroup[] {
  const groups: Labelled[][] = []
  for (const token of tokens) {
    const last = groups.at(-1)?.at(-1)
    const { begins, tag } = tagOf(token.entity)
    if (last && tag === tagOf(last.entity).tag && !begins) groups.at(-1)!.push(token)
    else groups.push([token])
  }
  return groups.map((group) => ({
    entity_group: group[0].entity.includes('-')
      ? group[0].entity.slice(group[0].entity.indexOf('-') + 1)
      : group[0].entity,
    score: group.reduce((sum, { score }) => sum + score, 0) / group.length,
    // a word of several pieces is decoded by itself first, as transformers does
    word: decodeTokens(
      group.map(({ pieces }) => (pieces.length > 1 ? decodeTokens(pieces, tokenizer) : pieces[0])),
      tokenizer,
    ),
    start: group[0].start,
    end: group.at(-1)!.end,
  }))
}
