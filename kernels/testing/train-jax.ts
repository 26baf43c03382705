// The same classifier written for jax-js: an independent oracle, its gradients by automatic differentiation. Tests only.

import { numpy as np, nn, valueAndGrad, defaultDevice, init } from '@jax-js/jax'
import type { Link, LossTarget, TrainBatch } from '../train/batch.ts'
import type { TrainActivation } from '../train/activations.ts'
import {
  activationsOf,
  applicationsOf,
  headOf,
  othersOf,
  placeOf,
  projectionOf,
  projectionsOf,
  tableWidthOf,
  type DistanceShape,
  type Layout,
  type Linear,
  type TrainShape,
} from '../train/layout.ts'
import type { ReferenceParameters } from '../train/reference.ts'

type Tree = Record<string, np.Array>

const array = (values: ArrayLike<number>, shape: number[]): np.Array =>
  np.array(Float64Array.from(values), { dtype: np.float64 }).reshape(shape)

const oneHot = (rows: ArrayLike<number>, width: number): np.Array => {
  const data = new Float64Array(rows.length * width)
  for (let m = 0; m < rows.length; m++) data[m * width + rows[m]] = 1
  return array(data, [rows.length, width])
}

/** x W^T + b, of a chain ((x W0^T) W1^T) + b */
function linear(tree: Tree, { stem, weights }: Linear, x: np.Array): np.Array {
  return weights.reduce((y, name) => np.matmul(y, np.transpose(tree[name].ref)), x).add(tree[`${stem}.bias`].ref)
}

function layernorm(tree: Tree, stem: string, x: np.Array, epsilon: number): np.Array {
  const centred = x.ref.sub(np.mean(x, -1, { keepdims: true }))
  const variance = np.mean(np.square(centred.ref), -1, { keepdims: true })
  const normal = centred.div(np.sqrt(variance.add(epsilon)))
  return normal.mul(tree[`${stem}.gamma`].ref).add(tree[`${stem}.beta`].ref)
}

/** jax-js's own; 0.5 x (1 + erf(x / sqrt 2)) with erf built of its erfc. */
const ACTIVATIONS: Record<TrainActivation, (x: np.Array) => np.Array> = {
  gelu: (x) => nn.gelu(x, { approximate: false }),
  gelu_tanh: (x) => nn.gelu(x, { approximate: true }),
  silu: nn.silu,
  relu: nn.relu,
  tanh: np.tanh,
}

/** [T, HD] -> [heads, T, D] */
const split = (x: np.Array, T: number, heads: number, D: number): np.Array =>
  np.transpose(x.reshape([T, heads, D]), [1, 0, 2])

/** [heads, T, T]: the table's row of key - query */
function distanceBias(tree: Tree, { positions, layers }: TrainShape, { buckets, rowOf }: DistanceShape, T: number) {
  const rows = Int32Array.from({ length: T * T }, (_, at) => rowOf[(at % T) - Math.floor(at / T) + positions - 1])
  const bias = np.matmul(oneHot(rows, buckets), tree['distances'].ref)
  return np.transpose(bias.reshape([T, T, layers[0].heads]), [2, 0, 1])
}

/** Logits [1, labels], null without labels, and hidden states [T, C] of one sequence. */
function runSequence(
  tree: Tree,
  layout: Layout,
  ids: Int32Array,
  types: Int32Array,
): { logits: np.Array | null; states: np.Array[] } {
  const { shape } = layout
  const { words, positions, types: kinds, layers, epsilon } = shape
  const { activation, poolerActivation } = activationsOf(shape)
  const T = ids.length
  const places = Int32Array.from({ length: T }, (_, t) => t)
  let x = np.matmul(oneHot(ids, words), tree['words'].ref)
  x = x.add(np.matmul(oneHot(places, positions), tree['position'].ref))
  if (kinds > 0) x = x.add(np.matmul(oneHot(types, kinds), tree['type'].ref))
  x = layernorm(tree, 'norm', x, epsilon)
  const projection = projectionOf(shape)
  if (projection) x = linear(tree, projection, x)
  const states = [x.ref]
  applicationsOf(shape).forEach((i) => {
    const { heads, headSize: D } = layers[i]
    const { attention, intermediate, output } = othersOf(shape, i)
    const projected = projectionsOf(shape, i).map((part) => linear(tree, part, x.ref))
    const qkv = np.split(np.concatenate(projected, 1), 3, 1)
    const [q, k, v] = qkv.map((part) => split(part, T, heads, D))
    let scores = np.matmul(q, np.transpose(k, [0, 2, 1])).div(Math.sqrt(D))
    if (shape.distances) scores = scores.add(distanceBias(tree, shape, shape.distances, T))
    const mixed = np.matmul(nn.softmax(scores, -1), v)
    const context = np.transpose(mixed, [1, 0, 2]).reshape([T, heads * D])
    const attended = linear(tree, attention, context).add(x)
    const half = layernorm(tree, `layer.${i}.attentionNorm`, attended, epsilon)
    const after = ACTIVATIONS[activation](linear(tree, intermediate, half.ref))
    x = layernorm(tree, `layer.${i}.outputNorm`, linear(tree, output, after).add(half), epsilon)
    states.push(x.ref)
  })
  const head = headOf(shape)
  if (!head) {
    x.dispose()
    return { logits: null, states }
  }
  const first = x.slice([0, 1])
  const { pooler, classifier } = head
  const pooled = ACTIVATIONS[poolerActivation](linear(tree, pooler, first))
  return { logits: linear(tree, classifier, pooled), states }
}

/** gamma / (M width) sum of (H_s W_p^T - H_t)^2 over the rows of one sequence, all matches. */
function stateLoss(
  tree: Tree,
  { shape }: Layout,
  goal: NonNullable<LossTarget['states']>,
  states: np.Array[],
  [begin, end, M]: [begin: number, end: number, M: number],
): np.Array {
  let loss = array([0], [])
  shape.matches?.forEach(({ layer, width, isProjected }, j) => {
    const t = array(goal.teacher[j].subarray(begin * width, end * width), [end - begin, width])
    const x = states[layer].ref
    const p = isProjected ? np.matmul(x, np.transpose(tree[`match.${j}.weight`].ref)) : x
    loss = loss.add(np.sum(np.square(p.sub(t))).mul(goal.weight / (M * width)))
  })
  for (const state of states) state.dispose()
  return loss
}

/** delta / B times 1 - cos of the mean of the last state, projected where it is, and a teacher's vector. */
function vectorLoss(
  tree: Tree,
  { shape }: Layout,
  goal: NonNullable<LossTarget['vectors']>,
  last: np.Array,
  [b, B]: [b: number, B: number],
): np.Array {
  const { width, isProjected } = shape.vectors!
  const mean = np.mean(last, 0, { keepdims: true })
  const p = isProjected ? np.matmul(mean, np.transpose(tree['vectors.weight'].ref)) : mean
  const t = array(goal.teacher.subarray(b * width, (b + 1) * width), [1, width])
  const cosine = np.sum(p.ref.mul(t)).div(np.sqrt(np.sum(np.square(p))))
  return cosine
    .mul(-1)
    .add(1)
    .mul(goal.weight / B)
}

/** What one row of logits [1, labels], divided by T, is off its target by. */
function linkLoss(link: Link, z: np.Array, target: Float32Array, T: number): np.Array {
  const labels = target.length
  const row = (values: Float32Array): np.Array => array(values, [1, labels])
  const scaled = z.div(T)
  if (link === 'softmax') return np.sum(nn.logSoftmax(scaled, -1).mul(row(target))).mul(-1)
  const known = row(target.map((t) => (Number.isNaN(t) ? 0 : 1 / labels)))
  const wanted = target.map((t) => (Number.isNaN(t) ? 0 : t))
  if (link === 'identity') return np.sum(np.square(scaled.sub(row(wanted))).mul(known))
  const yes = nn.logSigmoid(scaled.ref).mul(row(wanted))
  const no = nn.logSigmoid(scaled.mul(-1)).mul(row(wanted.map((t) => 1 - t)))
  return np.sum(yes.add(no).mul(known)).mul(-1)
}

/** Cross-entropy of a teacher's row with itself. */
function entropyOf(link: Link, p: Float32Array): number {
  if (link === 'identity') return 0
  const entropy = (x: number): number => -x * Math.log(x)
  if (link === 'softmax') return p.reduce((sum, x) => sum + entropy(x), 0)
  return p.reduce((sum, x) => sum + (entropy(x) + entropy(1 - x)) / p.length, 0)
}

/** Loss and gradients of one batch, as referenceStep. */
export async function jaxStep(
  layout: Layout,
  parameters: ReferenceParameters,
  batch: TrainBatch,
  { link = 'softmax', target, teacher, alpha, temperature: T, logitMse, states: goalStates, vectors }: LossTarget,
): Promise<{ loss: number; gradients: ReferenceParameters }> {
  await init('cpu')
  defaultDevice('cpu')
  const { words, labels } = layout.shape
  const tree: Tree = { words: array(parameters.words, [words, tableWidthOf(layout.shape)]) }
  for (const [name, { offset, rows, columns }] of layout.places)
    tree[name] = array(
      parameters.rest.subarray(offset, offset + rows * columns),
      /(gamma|beta|bias)$/.test(name) ? [columns] : [rows, columns],
    )
  const { offsets, ids } = batch
  const types = batch.types ?? new Int32Array(ids.length)
  const B = offsets.length - 1
  const lossOfTree = (leaves: Tree): np.Array => {
    let loss = array([0], [])
    let matched = array([0], [])
    for (let b = 0; b < B; b++) {
      const [begin, end] = [offsets[b], offsets[b + 1]]
      const { logits: z, states } = runSequence(leaves, layout, ids.slice(begin, end), types.slice(begin, end))
      if (vectors) matched = matched.add(vectorLoss(leaves, layout, vectors, states.at(-1)!.ref, [b, B]))
      if (goalStates) matched = matched.add(stateLoss(leaves, layout, goalStates, states, [begin, end, ids.length]))
      else for (const state of states) state.dispose()
      if (!z) continue
      if (logitMse) {
        const wanted = array(logitMse.logits.subarray(b * labels, b * labels + labels), [1, labels])
        loss = loss.add(np.sum(np.square(z.ref.sub(wanted))).mul(logitMse.weight / labels))
      }
      const wanted = target.subarray(b * labels, b * labels + labels)
      loss = loss.add(linkLoss(link, z.ref, wanted, 1).mul(teacher ? alpha : 1))
      if (teacher) {
        const t = link === 'identity' ? 1 : T
        const p = teacher.subarray(b * labels, b * labels + labels)
        const divergence = linkLoss(link, z.ref, p, t).sub(entropyOf(link, p))
        loss = loss.add(divergence.mul((1 - alpha) * t * t))
      }
      z.dispose()
    }
    for (const leaf of Object.values(leaves)) leaf.dispose()
    return loss.div(B).add(matched)
  }
  const [loss, slopes] = valueAndGrad(lossOfTree)(tree) as [np.Array, Tree]
  const rest = new Float64Array(layout.length)
  for (const name of layout.places.keys())
    rest.set(Float64Array.from(await slopes[name].data()), placeOf(layout, name).offset)
  return {
    loss: (await loss.data())[0],
    gradients: { words: Float64Array.from(await slopes['words'].data()), rest },
  }
}
