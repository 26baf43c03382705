// Small seeded models and batches for the tests of training.

import { seededRandom } from './random.ts'
import type { Link, LossTarget, TrainBatch } from '../train/batch.ts'
import { applicationsOf, tableWidthOf, type Layout, type TrainShape } from '../train/layout.ts'
import type { ReferenceParameters } from '../train/reference.ts'

/** Uneven layers, sizes that are no multiples of 8 or 6, a head size of 6. */
export const UNEVEN: TrainShape = {
  hidden: 20,
  words: 31,
  positions: 13,
  types: 2,
  labels: 3,
  epsilon: 1e-12,
  layers: [
    { heads: 3, headSize: 6, intermediate: 37 },
    { heads: 2, headSize: 8, intermediate: 12 },
  ],
}

/**
 * UNEVEN with chains of two and three factors of ranks that are no multiples of 8 or 6. Query, key and value begin with one
 * factor (query and value with two), or are beside dense ones; layers share factors; one factor serves two roles.
 */
export const CHAINED: TrainShape = {
  ...UNEVEN,
  layers: [
    {
      ...UNEVEN.layers[0],
      chains: {
        query: [0, 1, 2],
        key: [0, 3],
        value: [0, 1, 4],
        attention: [5, 6],
        intermediate: [7, 8],
        output: [9, 10],
      },
    },
    { ...UNEVEN.layers[1], chains: { key: [7, 1, 11], attention: [12, 13, 6], output: [14, 15] } },
  ],
  factors: [
    [7, 20],
    [5, 7],
    [18, 5],
    [18, 7],
    [18, 5],
    [9, 18],
    [20, 9],
    [7, 20],
    [37, 7],
    [11, 37],
    [20, 11],
    [16, 5],
    [3, 16],
    [9, 3],
    [13, 12],
    [20, 13],
  ].map(([rows, columns]) => ({ rows, columns })),
}

/** UNEVEN with every other activation, in the feed-forward layers and after the pooler. */
export const ACTIVATED: TrainShape[] = (['relu', 'silu', 'gelu_tanh', 'tanh'] as const).map((activation, i, all) => ({
  ...UNEVEN,
  activation,
  poolerActivation: all[i - 1] ?? 'gelu',
}))

/** As ALBERT: narrow tables, two layers each applied twice, an activation of its own. */
export const SHARED: TrainShape = { ...UNEVEN, embedding: 12, activation: 'gelu_tanh', applied: [0, 0, 1, 1] }

/** SHARED with the chains of CHAINED: factors serve several layers, each of which is applied twice. */
export const SHARED_CHAINS: TrainShape = { ...CHAINED, embedding: 28, applied: [0, 1, 0, 1] }

/** As MPNet: no token types, and a bias by distance, several distances a row. */
export const DISTANT: TrainShape = {
  ...UNEVEN,
  types: 0,
  layers: [UNEVEN.layers[0], { heads: 3, headSize: 8, intermediate: 12 }],
  distances: {
    buckets: 7,
    // 0 for far keys before, 6 for far ones after; row 3 is the query's own
    rowOf: Int32Array.from({ length: 25 }, (_, d) => Math.max(0, Math.min(6, 3 + Math.trunc((d - 12) / 2)))),
  },
}

/** Shapes of families that differ from BERT in more than sizes. */
export const FAMILIES: { what: string; shape: TrainShape }[] = [
  { what: 'layers that are applied several times, narrow tables', shape: SHARED },
  { what: 'shared layers of shared factors', shape: SHARED_CHAINS },
  { what: 'a bias by distance, no token types', shape: DISTANT },
]

/** Weights of std `scale`, so that activations spread; gammas about 1. All are f32 numbers. */
export function syntheticParameters(layout: Layout, seed: number, scale = 0.3): ReferenceParameters {
  const random = seededRandom(seed)
  const draw = (): number => Math.fround((random() * 2 - 1) * scale * 1.7)
  const words = Float64Array.from({ length: layout.shape.words * tableWidthOf(layout.shape) }, draw)
  const rest = new Float64Array(layout.length)
  for (const [name, { offset, rows, columns }] of layout.places)
    for (let i = offset; i < offset + rows * columns; i++) rest[i] = draw() + (name.endsWith('gamma') ? 1 : 0)
  return { words, rest: rest.map(Math.fround) }
}

export function syntheticBatch(shape: TrainShape, lengths: number[], seed: number): TrainBatch {
  const random = seededRandom(seed)
  const offsets = Int32Array.from([0, ...lengths])
  for (let b = 1; b < offsets.length; b++) offsets[b] += offsets[b - 1]
  const draw = (below: number): Int32Array =>
    Int32Array.from({ length: offsets[lengths.length] }, () => Math.floor(random() * below))
  return { offsets, ids: draw(shape.words), types: draw(Math.max(1, shape.types)) }
}

/** One-hot targets, and where asked a teacher; of links that take each label by itself numbers, one of them not known. */
export function syntheticGoal(
  labels: number,
  sequences: number,
  seed: number,
  hasTeacher: boolean,
  link: Link = 'softmax',
): LossTarget {
  const random = seededRandom(seed)
  if (link !== 'softmax') {
    const draw = (): Float32Array =>
      Float32Array.from({ length: sequences * labels }, () => (link === 'sigmoid' ? random() : 4 * random() - 2))
    const [target, teacher] = [draw().map((t, i) => (i === 1 ? NaN : link === 'sigmoid' ? Math.round(t) : t)), draw()]
    return { link, target, teacher: hasTeacher ? teacher : null, alpha: hasTeacher ? 0.3 : 1, temperature: 2 }
  }
  const target = new Float32Array(sequences * labels)
  const teacher = new Float32Array(sequences * labels)
  for (let b = 0; b < sequences; b++) {
    target[b * labels + Math.floor(random() * labels)] = 1
    const raw = Array.from({ length: labels }, () => 0.1 + random())
    const sum = raw.reduce((a, x) => a + x, 0)
    raw.forEach((x, c) => (teacher[b * labels + c] = x / sum))
  }
  return hasTeacher
    ? { target, teacher, alpha: 0.3, temperature: 2 }
    : { target, teacher: null, alpha: 1, temperature: 1 }
}

/** `shape` with a match for the embeddings, one without projection and one of another width after the last layer. */
export function matched(shape: TrainShape, width = 12): TrainShape {
  const { hidden } = shape
  return {
    ...shape,
    matches: [
      { layer: 0, width: hidden, isProjected: true },
      { layer: 1, width: hidden, isProjected: false },
      { layer: applicationsOf(shape).length, width, isProjected: true },
    ],
  }
}

/** `shape` without labels, whose vectors are compared with a teacher's of `width`; of its own width they are as they are. */
export const embedding = (shape: TrainShape, width = shape.hidden): TrainShape => ({
  ...shape,
  labels: 0,
  vectors: { width, isProjected: width !== shape.hidden },
})

/** A teacher's vectors of length 1, and the states of every match of the shape. */
export function vectorGoal({ vectors, matches = [] }: TrainShape, lengths: number[], seed: number): LossTarget {
  const random = seededRandom(seed)
  const { width } = vectors!
  const teacher = new Float32Array(lengths.length * width)
  for (let b = 0; b < lengths.length; b++) {
    const row = Array.from({ length: width }, () => random() * 2 - 1)
    const length = Math.hypot(...row)
    row.forEach((x, c) => (teacher[b * width + c] = x / length))
  }
  const tokens = lengths.reduce((sum, T) => sum + T, 0)
  const states = matches.map(({ width }) => Float32Array.from({ length: tokens * width }, () => random() * 4 - 2))
  return {
    ...{ target: new Float32Array(), teacher: null, alpha: 1, temperature: 1, vectors: { weight: 1.7, teacher } },
    ...(states.length > 0 && { states: { weight: 1.3, teacher: states } }),
  }
}

/** `goal` with teacher's logits and the states of every match of the shape. */
export function withTeacherTerms(
  goal: LossTarget,
  { labels, matches = [] }: TrainShape,
  tokens: number,
  seed: number,
): LossTarget {
  const random = seededRandom(seed)
  const draw = (length: number, size: number): Float32Array =>
    Float32Array.from({ length }, () => (random() * 2 - 1) * size)
  const B = goal.target.length / labels
  return {
    ...goal,
    logitMse: { weight: 0.7, logits: draw(B * labels, 3) },
    states: { weight: 1.3, teacher: matches.map(({ width }) => draw(tokens * width, 2)) },
  }
}

/** `goal` whose sequence b has no label. */
export function withoutLabel(goal: LossTarget, labels: number, b: number): LossTarget {
  return { ...goal, target: goal.target.map((share, i) => (Math.floor(i / labels) === b ? 0 : share)) }
}
