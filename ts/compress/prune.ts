// Pruning steps that keep the layers' shapes: `sp<NN>`, `sp<NN>x4`, `sp<NN>x16x32`, `wanda<NN>`, `nm<n>:<m>`. They touch
// the encoder's linears only: not embeddings, norms, pooler or classifier. Low-rank factors are pruned like any other
// matrix.

import type { CsrWeight, DenseWeight, LeafWeight, NmWeight } from '../../kernels/program/weights.ts'
import type { ModelWeights } from '../model/weights.ts'
import type { Calibration } from './calibration.ts'
import { encoderLinears, formatCount, requireDense, withEncoderWeights } from './dense.ts'
import type { StepResult } from './dense.ts'
import { multiply, transpose, view } from './linear-algebra.ts'
import { NM_GROUP, pruneMask } from './prune-mask.ts'
import type { Prunable, PruneRule } from './prune-mask.ts'

/** Columns are stored in 16 bits. */
const CSR_MAX_K = 65536

/** CSR of the positions a mask keeps (also where the kept weight happens to be 0). */
export function csrFromMask(data: Float32Array, mask: Uint8Array, N: number, K: number, name = 'weight'): CsrWeight {
  if (K > CSR_MAX_K)
    throw new Error(`${name}: K = ${K} is above ${CSR_MAX_K}, the most that CSR's 16-bit columns can hold`)
  if (data.length !== N * K || mask.length !== N * K)
    throw new Error(`${name}: ${data.length} weights and a mask of ${mask.length}, expected ${N} x ${K}`)
  const rowOffsets = new Uint32Array(N + 1)
  for (let row = 0; row < N; row++) {
    let kept = 0
    for (let i = row * K; i < (row + 1) * K; i++) kept += mask[i]
    rowOffsets[row + 1] = rowOffsets[row] + kept
  }
  const columns = new Uint16Array(rowOffsets[N])
  const values = new Float32Array(rowOffsets[N])
  let z = 0
  for (let row = 0; row < N; row++)
    for (let k = 0; k < K; k++)
      if (mask[row * K + k] === 1) {
        columns[z] = k
        values[z++] = data[row * K + k]
      }
  return { kind: 'csr', N, K, rowOffsets, columns, values }
}

/** n:m weight of a mask that keeps n of every m inputs, the same for each group of outputs (nmMask). */
export function nmFromMask(
  data: Float32Array,
  mask: Uint8Array,
  shape: { N: number; K: number; n: number; m: number; group?: number },
): NmWeight {
  const { N, K, n, m, group = NM_GROUP } = shape
  const P = (K / m) * n
  const groups = Math.ceil(N / group)
  const indices = new Uint16Array(groups * P)
  for (let g = 0; g < groups; g++) {
    let p = g * P
    for (let k = 0; k < K; k++) if (mask[g * group * K + k] === 1) indices[p++] = k
    if (p !== (g + 1) * P)
      throw new Error(`nm${n}:${m}: the mask keeps ${p - g * P} inputs in group ${g}, expected ${P}`)
  }
  const values = new Float32Array(N * P)
  for (let row = 0; row < N; row++)
    for (let p = 0; p < P; p++) values[row * P + p] = data[row * K + indices[Math.floor(row / group) * P + p]]
  return { kind: 'nm', N, K, n, m, group, indices, values }
}

/**
 * The dense f32 leaves of the encoder; an array that several layers share appears once, under the first one's name
 * (`<stem>`, or `<stem>.factors.<i>` in a chain, as files and training call it).
 *
 * @param calibration gives each leaf the squares of what enters it, summed over the layers that share it
 * @throws where a weight is not dense f32, or the calibration is of another shape of model
 */
export function prunableMatrices(model: ModelWeights, step: string, calibration?: Calibration): Prunable[] {
  const matrices = new Map<Float32Array, Prunable>()
  for (const { stem, linear } of encoderLinears(model)) {
    const { weight } = linear
    const leaves = weight.kind === 'chain' ? weight.factors : [weight]
    const names = leaves.map((_, i) => (weight.kind === 'chain' ? `${stem}.factors.${i}` : stem))
    const dense = leaves.map((leaf, i) => requireDense(leaf, names[i], step))
    const squares = calibration && inputSquares(calibration, stem, dense, step)
    dense.forEach(({ N, K, data }, i) => {
      const known = matrices.get(data)
      if (!known) {
        matrices.set(data, { name: names[i], N, K, data, inputSquares: squares?.[i] })
      } else if (known.inputSquares && squares) {
        const sum = squares[i]
        known.inputSquares = known.inputSquares.map((square, k) => square + sum[k])
      }
    })
  }
  return [...matrices.values()]
}

/** Per factor of a layer, the sum of squares of each of its inputs: the diagonals of G, F0 G F0^T, F1 F0 G F0^T F1^T. */
function inputSquares(calibration: Calibration, stem: string, factors: DenseWeight[], step: string): Float64Array[] {
  const sums = calibration.get(stem)
  if (sums?.K !== factors[0].K)
    throw new Error(
      `${step}: ${stem} takes ${factors[0].K} inputs, the calibration has ${sums?.K ?? 'none'} for it; calibrate the model` +
        ' as it enters this step',
    )
  let gram: Float64Array = sums.gram
  return factors.map(({ N, K, data }, i) => {
    const diagonal = Float64Array.from({ length: K }, (_, k) => Math.max(0, gram[k * K + k]))
    if (i + 1 < factors.length) {
      const factor = view(data, N, K)
      gram = multiply(view(multiply(factor, view(gram, K, K)), N, K), transpose(factor))
    }
    return diagonal
  })
}

/**
 * Masks of the encoder's linears for training: u8 [N, K] by tensor stem, 1 = kept. Factors of a chain go by
 * `<stem>.factors.<i>`, one that layers share by the first layer's name.
 *
 * @param calibration needed by the rule 'wanda'
 */
export function masksFor(
  model: ModelWeights,
  rule: PruneRule,
  calibration?: Calibration,
): Record<string, Uint8Array<ArrayBuffer>> {
  const matrices = prunableMatrices(model, 'prune', rule.kind === 'wanda' ? calibration : undefined)
  const masks = pruneMask(matrices, rule)
  return Object.fromEntries(matrices.map(({ name }, i) => [name, masks[i]]))
}

/**
 * The sparse steps: prunes the encoder's linears by `rule` and stores them sparse.
 * @param calibration of the model as it is here; the rule 'wanda' needs it
 */
export function prune(model: ModelWeights, rule: PruneRule, step: string, calibration?: Calibration): StepResult {
  if (rule.kind === 'wanda' && !calibration)
    throw new Error(
      `${step}: weighs weights by their inputs and needs context.calibration, found none; make it with calibrate() of` +
        ' compact-kernels/train on training texts, or prune by magnitude with sp<NN>',
    )
  const matrices = prunableMatrices(model, step, rule.kind === 'wanda' ? calibration : undefined)
  const masks = pruneMask(matrices, rule)
  const sparse = new Map<Float32Array, LeafWeight>()
  let total = 0
  let kept = 0
  matrices.forEach(({ name, N, K, data }, i) => {
    const weight =
      rule.kind === 'nm'
        ? nmFromMask(data, masks[i], { N, K, n: rule.n, m: rule.m, group: rule.group })
        : csrFromMask(data, masks[i], N, K, name)
    sparse.set(data, weight)
    total += data.length
    kept += weight.values.length
  })
  const convert = (leaf: LeafWeight): LeafWeight => sparse.get((leaf as DenseWeight).data)!
  const weights = encoderLinears(model).map(({ linear: { weight } }) =>
    weight.kind === 'chain' ? { ...weight, factors: weight.factors.map(convert) } : convert(weight),
  )
  const what = {
    unstructured: 'single weights by magnitude',
    blocks: '1x4 blocks by norm',
    tiles: '16x32 tiles by norm',
    wanda: `${rule.kind === 'wanda' && rule.blocks ? '1x4 blocks' : 'single weights'} by |w| times input norm in each row`,
    nm: 'inputs per group of outputs',
  }[rule.kind]
  return {
    model: withEncoderWeights(model, weights),
    notes: [`${step}: kept ${formatCount(kept)} of ${formatCount(total)} encoder weights, chosen as ${what}`],
  }
}
