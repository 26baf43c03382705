// A decision between two classes that is taken elsewhere than at the larger score: where a measure is best on texts to choose by.

import type { ModelWeights } from '../model/weights.ts'
import { METRIC_NAMES, scoreCounts, type Metric } from './statistics.ts'

/**
 * What is added to the first class's score so that the larger one decides best.
 * @param logits f32 [texts, 2]; `expected` the class of each text
 * @param positive class that F1 is of, as in `scores`
 * @returns the shift, 0 where none is better, and the measure with it; among equals the shift nearest 0
 * @throws where the lists do not fit each other, or there is nothing to choose by
 */
export function chooseShift(
  logits: Float32Array,
  expected: ArrayLike<number>,
  metric: Metric,
  positive: number | null,
): { shift: number; score: number } {
  const n = expected.length
  if (n === 0 || logits.length !== 2 * n)
    throw new Error(`chooseShift: expected two scores for each of at least one text; found ${logits.length} for ${n}`)
  // class 1 is said where its margin exceeds the shift: from a shift below all margins on, one text after another turns
  const margins = Float64Array.from({ length: n }, (_, i) => logits[2 * i + 1] - logits[2 * i])
  const order = Array.from(margins.keys()).sort((a, b) => margins[a] - margins[b])
  const counts = new Float64Array(4)
  for (let i = 0; i < n; i++) counts[2 * expected[i] + 1]++
  let best = { shift: NaN, score: -Infinity }
  const consider = (shift: number): void => {
    const score = scoreCounts(counts, 2, positive)[metric]
    if (score > best.score || (score === best.score && Math.abs(shift) < Math.abs(best.shift))) best = { shift, score }
  }
  consider(Math.min(0, margins[order[0]] - 1))
  for (let at = 0; at < n; at++) {
    const i = order[at]
    counts[2 * expected[i] + 1]--
    counts[2 * expected[i]]++
    const next = at + 1 < n ? margins[order[at + 1]] : Infinity
    if (next === margins[i]) continue
    // 0 where it lies between the two, else the middle
    const isZeroBetween = margins[i] <= 0 && next > 0
    consider(isZeroBetween ? 0 : next === Infinity ? margins[i] + 1 : (margins[i] + next) / 2)
  }
  return best
}

export interface ShiftedDecision {
  model: ModelWeights
  /** what was shifted and what that gives, for a note */
  words: string
}

/**
 * The same model with the classifier's bias where its decisions are best on texts to choose by.
 * @param logits what the model says of them, f32 [rows, 2]
 * @throws where the model does not decide between two classes
 */
export function shiftDecision(
  model: ModelWeights,
  logits: Float32Array,
  rows: readonly { label: number }[],
  { metric, positive }: { metric: Metric; positive: number | null },
): ShiftedDecision {
  const { classifier, config } = model
  const { labels } = config
  if (labels.length !== 2 || classifier === null)
    throw new Error(`threshold: there are ${labels.length} labels, expected two to decide between; leave it out`)
  const expected = rows.map(({ label }) => label)
  const { shift, score } = chooseShift(logits, expected, metric, positive)
  const bias = Float32Array.from(classifier.bias ?? new Float32Array(2))
  bias[0] += shift
  return {
    model: { ...model, classifier: { ...classifier, bias } },
    words: `score of '${labels[0]}' shifted by ${shift.toFixed(2)}, which gives ${METRIC_NAMES[metric]} ${score.toFixed(3)} on the validation texts`,
  }
}
