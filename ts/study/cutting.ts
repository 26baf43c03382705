// What is lost where texts are longer than the model reads: how many, how much of them, and what that costs.

import type { LabelledText } from '../data/examples.ts'
import { trainLogisticRegression } from '../evaluation/logistic-regression.ts'
import { METRIC_NAMES, scorePredictions, type Metric } from '../evaluation/statistics.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { vocabularyOf } from '../text/tokenizer-files.ts'

export interface CuttingInput {
  tokenizer: Tokenizer
  /** most tokens of a text, [CLS] and [SEP] included */
  limit: number
  train: LabelledText[]
  test: LabelledText[]
  /** what the baseline says of the test texts */
  predictions: ArrayLike<number>
  /** the deciding measure of logistic regression on whole texts, trained on whole ones */
  linear: number
  classes: number
  metric: Metric
  positive: number | null
  seed: number
}

/** How WordPiece marks a piece that goes on with a word. */
const CONTINUES = '##'
/** A class that is rarer than this in a part gives no score worth naming. */
const FEWEST = 10

/**
 * A sentence on the texts that lost their end; '' where none did. The cost of cutting is that of logistic regression, which
 * can read both: whole texts, and no more of them than the model reads.
 */
export function cuttingNote(input: CuttingInput): string {
  const { tokenizer, limit, test, predictions, metric, classes, positive } = input
  const name = METRIC_NAMES[metric]
  const lengths = test.map(({ text }) => tokenizer.encode(text, Number.MAX_SAFE_INTEGER).length)
  const isCut = lengths.map((length) => length > limit)
  const cut = isCut.filter(Boolean).length
  if (cut === 0) return ''
  const all = lengths.reduce((sum, length) => sum + length, 0)
  const unread = lengths.reduce((sum, length) => sum + Math.max(0, length - limit), 0)
  const scoreOf = (kept: boolean): string => {
    const rows = test.flatMap(({ label }, i) => (isCut[i] === kept ? [[label, predictions[i]]] : []))
    const counts = Array.from({ length: classes }, (_, c) => rows.filter(([label]) => label === c).length)
    if (Math.min(...counts) < FEWEST) return 'not measured, a class is too rare'
    const [expected, said] = [rows.map(([label]) => label), rows.map(([, of]) => of)]
    return scorePredictions(expected, said, classes, positive)[metric].toFixed(3)
  }
  return (
    `${cut} of ${test.length} test texts are longer than ${limit} tokens and lost their end, ` +
    `${((100 * unread) / all).toFixed(0)} % of all their tokens: the baseline's ${name} is ${scoreOf(true)} on them and ${scoreOf(false)} on the others` +
    linearWords(input)
  )
}

/** What logistic regression loses where it reads no more than the model; '' for pieces that cannot be put together again. */
function linearWords({ tokenizer, limit, train, test, linear, metric, seed, classes, positive }: CuttingInput): string {
  const vocabulary = vocabularyOf(tokenizer)
  if (!vocabulary.some((piece) => piece.startsWith(CONTINUES))) return ''
  const short = (rows: LabelledText[]): LabelledText[] =>
    rows.map((row) => {
      const pieces = Array.from(tokenizer.encode(row.text, limit), (id) => vocabulary[id])
      return { ...row, text: pieces.slice(1, -1).join(' ').replaceAll(` ${CONTINUES}`, '') }
    })
  const model = trainLogisticRegression(short(train), classes, { seed })
  const said = short(test).map(({ text }) => model.classify(text))
  const expected = test.map(({ label }) => label)
  const cut = scorePredictions(expected, said, classes, positive)[metric]
  return `; logistic regression has ${linear.toFixed(3)} on whole texts and ${cut.toFixed(3)} where it is trained and tested on what the model reads`
}
