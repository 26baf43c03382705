// How near the vectors of one embedder are to those of another on the same texts: their cosine, and the share of nearest
// neighbours that stays, which is what a search by them shows.

import { createRandom } from '../../kernels/program/random.ts'
import type { Features } from '../inference/embedder.ts'
import { checkBootstrap, quantile, type Interval } from './statistics.ts'

/** Neighbours of a text that are compared. */
const NEIGHBOURS = 10

export interface Mean extends Interval {
  mean: number
}

export interface VectorScores {
  /** between the two vectors of each text; null where the embedders are of different widths */
  cosine: Mean | null
  /** share of each text's nearest neighbours among the others that are the same by both embedders */
  overlap: Mean
  texts: number
  /** neighbours compared */
  neighbours: number
}

/**
 * Cosine between row i of the first and row i of the second, f64 [texts]; 0 where a row is all zeros.
 * @param first f32 [texts, C], as is `second`; rows need not be of length 1
 * @throws where they are not equally many and equally wide, or hold NaN or infinity
 */
export function rowCosines(first: Features, second: Features): Float64Array {
  checkVectors('rowCosines', first, second)
  const [rows, C] = first.dims
  if (second.dims[1] !== C)
    throw new Error(`rowCosines: vectors of ${C} and of ${second.dims[1]} numbers; expected equally wide ones`)
  const [a, b] = [unitRows(first), unitRows(second)]
  return Float64Array.from({ length: rows }, (_, i) => dot(a, i * C, b, i * C, C))
}

/**
 * Share of the k nearest rows by cosine, the row itself left out, that the two have in common, f64 [texts]. Of rows that are
 * equally near the earlier one counts as nearer.
 * @param first f32 [texts, C]; `second` has as many rows, of any width
 * @throws where they are not equally many, hold NaN or infinity, or there are not more rows than k
 */
export function neighbourOverlaps(first: Features, second: Features, k = NEIGHBOURS): Float64Array {
  checkVectors('neighbourOverlaps', first, second)
  const [rows] = first.dims
  if (!(Number.isInteger(k) && k >= 1 && k < rows))
    throw new Error(`neighbourOverlaps: ${k} neighbours of ${rows} texts; expected from 1 to ${rows - 1}`)
  const [a, b] = [first, second].map((of) => ({ units: unitRows(of), C: of.dims[1] }))
  const [near, others] = [new Int32Array(k), new Int32Array(k)]
  return Float64Array.from({ length: rows }, (_, i) => {
    nearestRows(a.units, a.C, i, near)
    nearestRows(b.units, b.C, i, others)
    return near.reduce((same, j) => same + (others.includes(j) ? 1 : 0), 0) / k
  })
}

/**
 * Mean of one number for each text, with its percentile bootstrap interval. Of two embedders' numbers on the same texts give the
 * differences: the interval is then a paired one.
 * @param options seed; resamples (1000); level (0.95)
 * @throws where there are no numbers
 */
export function meanInterval(
  values: ArrayLike<number>,
  { seed, resamples = 1000, level = 0.95 }: { seed: number; resamples?: number; level?: number },
): Mean {
  checkBootstrap('meanInterval', resamples, level)
  const { length } = values
  if (length === 0) throw new Error('meanInterval: no numbers; expected at least one')
  const meanOf = (draw: (i: number) => number): number => {
    let sum = 0
    for (let i = 0; i < length; i++) sum += values[draw(i)]
    return sum / length
  }
  const random = createRandom(seed, 'bootstrap of a mean')
  const means = Float64Array.from({ length: resamples }, () => meanOf(() => random.int(length)))
  return {
    mean: meanOf((i) => i),
    low: quantile(means, (1 - level) / 2),
    high: quantile(means, (1 + level) / 2),
  }
}

/**
 * Both measures of an embedder against another, with 95 % intervals over the texts: another draw of queries, the texts that
 * they are searched in left as they are.
 * @param expected of the embedder that is the measure, f32 [texts, C]; `found` of the other on the same texts
 * @throws as `rowCosines` and `neighbourOverlaps`, but that widths may differ
 */
export function compareVectors(
  expected: Features,
  found: Features,
  { seed, neighbours = NEIGHBOURS }: { seed: number; neighbours?: number },
): VectorScores {
  const isSameWidth = expected.dims[1] === found.dims[1]
  return {
    cosine: isSameWidth ? meanInterval(rowCosines(expected, found), { seed }) : null,
    overlap: meanInterval(neighbourOverlaps(expected, found, neighbours), { seed }),
    texts: expected.dims[0],
    neighbours,
  }
}

function checkVectors(name: string, first: Features, second: Features): void {
  for (const { data, dims } of [first, second]) {
    if (dims.length !== 2 || data.length !== dims[0] * dims[1])
      throw new Error(
        `${name}: ${data.length} numbers as [${dims.join(', ')}]; expected one vector for each text, [texts, C]`,
      )
    if (!data.every(Number.isFinite)) throw new Error(`${name}: a vector holds NaN or infinity; expected numbers`)
  }
  if (first.dims[0] !== second.dims[0] || first.dims[0] === 0)
    throw new Error(
      `${name}: vectors of ${first.dims[0]} and of ${second.dims[0]} texts; expected the same texts, at least one`,
    )
}

/** Rows divided by their lengths; rows of zeros stay. */
function unitRows({ data, dims: [rows, C] }: Features): Float64Array {
  const units = Float64Array.from(data)
  for (let i = 0; i < rows; i++) {
    const length = Math.sqrt(dot(units, i * C, units, i * C, C))
    if (length > 0) for (let c = i * C; c < (i + 1) * C; c++) units[c] /= length
  }
  return units
}

function dot(a: Float64Array, i: number, b: Float64Array, j: number, C: number): number {
  let [even, odd] = [0, 0]
  const pairs = C - (C % 2)
  for (let c = 0; c < pairs; c += 2) {
    even += a[i + c] * b[j + c]
    odd += a[i + c + 1] * b[j + c + 1]
  }
  return even + odd + (pairs < C ? a[i + pairs] * b[j + pairs] : 0)
}

/** Fills `near` with the rows nearest to row i, the nearest first. */
function nearestRows(units: Float64Array, C: number, i: number, near: Int32Array): void {
  const k = near.length
  const similarity = new Float64Array(k).fill(-Infinity)
  const rows = units.length / C
  for (let j = 0; j < rows; j++) {
    if (j === i) continue
    const s = dot(units, i * C, units, j * C, C)
    if (s <= similarity[k - 1]) continue
    let at = k - 1
    for (; at > 0 && similarity[at - 1] < s; at--) {
      similarity[at] = similarity[at - 1]
      near[at] = near[at - 1]
    }
    similarity[at] = s
    near[at] = j
  }
}
