// Scores of a classifier whose labels do not compete: each text has a set of labels, and each label is a yes or no.

import { createRandom } from '../../kernels/program/random.ts'
import { quantile, type ClassScores } from './statistics.ts'

export interface MultiLabelScores {
  /** texts */
  n: number
  /** of all yes and no of all labels together */
  microF1: number
  /** 95 % interval of microF1 */
  microF1Low: number
  microF1High: number
  microPrecision: number
  microRecall: number
  /** mean of the labels' F1 */
  macroF1: number
  /** share of texts whose set is right as a whole */
  exact: number
  /** score from which a label is taken to hold */
  threshold: number
  labels: string[]
  classes: (ClassScores & { label: string })[]
}

const RESAMPLES = 1000

/**
 * Scores of sets of labels.
 * @param expected [text][label] 1 where the label holds, row after row
 * @param predicted the same of the classifier
 * @param options seed of the interval's resamples; threshold, as it was applied
 * @throws where the lengths are no multiple of the labels
 */
export function multiLabelScores(
  expected: Uint8Array,
  predicted: Uint8Array,
  labels: string[],
  { seed, threshold }: { seed: number; threshold: number },
): MultiLabelScores {
  const C = labels.length
  const n = expected.length / C
  if (expected.length !== predicted.length || !Number.isInteger(n) || n === 0)
    throw new Error(
      `multi-label: ${expected.length} expected and ${predicted.length} predicted values, expected as many, ${C} for each text`,
    )
  const texts = Array.from({ length: n }, (_, i) =>
    counts(expected.subarray(i * C, (i + 1) * C), predicted.subarray(i * C, (i + 1) * C)),
  )
  const column = (values: Uint8Array, label: number): Uint8Array => values.filter((_, i) => i % C === label)
  const classes = labels.map((label, c) => {
    const found = counts(column(expected, c), column(predicted, c))
    return { label, n: found.hits + found.missed, ...ratios(found) }
  })
  const micro = ratios(texts.reduce(sum, NOTHING))
  const random = createRandom(seed, 'bootstrap')
  const drawn = Float64Array.from({ length: RESAMPLES }, () => {
    let all = NOTHING
    for (let i = 0; i < n; i++) all = sum(all, texts[random.int(n)])
    return ratios(all).f1
  })
  return {
    n,
    microF1: micro.f1,
    microF1Low: quantile(drawn, 0.025),
    microF1High: quantile(drawn, 0.975),
    microPrecision: micro.precision,
    microRecall: micro.recall,
    macroF1: classes.reduce((total, { f1 }) => total + f1, 0) / C,
    exact: texts.filter(({ missed, wrong }) => missed + wrong === 0).length / n,
    threshold,
    labels,
    classes,
  }
}

/** Labels that hold and were said, that hold and were not, that do not hold and were said. */
interface Counts {
  hits: number
  missed: number
  wrong: number
}

const NOTHING: Counts = { hits: 0, missed: 0, wrong: 0 }
const sum = (a: Counts, b: Counts): Counts => ({
  hits: a.hits + b.hits,
  missed: a.missed + b.missed,
  wrong: a.wrong + b.wrong,
})

function counts(expected: Uint8Array, predicted: Uint8Array): Counts {
  const found = { ...NOTHING }
  for (let i = 0; i < expected.length; i++)
    if (expected[i] && predicted[i]) found.hits++
    else if (expected[i]) found.missed++
    else if (predicted[i]) found.wrong++
  return found
}

/** A ratio whose denominator is 0 counts as 0. */
function ratios({ hits, missed, wrong }: Counts): Omit<ClassScores, 'n'> {
  const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole)
  return {
    precision: share(hits, hits + wrong),
    recall: share(hits, hits + missed),
    f1: share(2 * hits, 2 * hits + missed + wrong),
  }
}
