// Scores of a regression: numbers beside numbers.

/** Scores of predicted numbers. */
export interface RegressionScores {
  /** linear correlation; NaN where all numbers of one side are equal */
  pearson: number
  /** correlation of ranks; equal numbers share the mean of their ranks */
  spearman: number
  /** root of the mean squared error */
  rmse: number
  /** mean absolute error */
  mae: number
}

/** @throws where the lists are not of one length */
export function regressionScores(expected: ArrayLike<number>, predicted: ArrayLike<number>): RegressionScores {
  checkLengths(expected.length, predicted.length)
  let [squares, sizes] = [0, 0]
  for (let i = 0; i < expected.length; i++) {
    const off = predicted[i] - expected[i]
    squares += off * off
    sizes += Math.abs(off)
  }
  return {
    pearson: correlation(expected, predicted),
    spearman: correlation(ranks(expected), ranks(predicted)),
    rmse: Math.sqrt(squares / expected.length),
    mae: sizes / expected.length,
  }
}

function checkLengths(expected: number, predicted: number): void {
  if (expected !== predicted || expected === 0)
    throw new Error(`scores: ${expected} expected and ${predicted} predicted, expected as many of both, at least one`)
}

function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const mean = (list: ArrayLike<number>): number => Array.from(list).reduce((x, y) => x + y, 0) / list.length
  const [meanA, meanB] = [mean(a), mean(b)]
  let [both, ofA, ofB] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    both += (a[i] - meanA) * (b[i] - meanB)
    ofA += (a[i] - meanA) ** 2
    ofB += (b[i] - meanB) ** 2
  }
  return both / Math.sqrt(ofA * ofB)
}

function ranks(list: ArrayLike<number>): Float64Array {
  const order = Array.from(list, (_, i) => i).sort((i, j) => list[i] - list[j])
  const found = new Float64Array(list.length)
  for (let from = 0; from < order.length;) {
    let to = from
    while (to < order.length && list[order[to]] === list[order[from]]) to++
    for (let at = from; at < to; at++) found[order[at]] = (from + to - 1) / 2
    from = to
  }
  return found
}
