// Structural pruning, `heads<h>-ffn<f>`: whole attention heads and FFN neurons are cut out of the matrices, so that
// every dense kernel gains. The step names mBERT's numbers (12 heads, FFN 3072); other shapes keep the same fractions.

import type { DenseWeight } from '../../kernels/runtime/weights.ts'
import type { EncoderLayer, LinearLayer, ModelWeights } from '../model/weights.ts'
import { LINEAR_STEMS } from '../model/weights.ts'
import { requireDense, requireFinite } from './dense.ts'
import type { StepResult } from './dense.ts'
import { gram, transpose, view } from './linear-algebra.ts'

/** The shape that a step's numbers refer to. */
export const REFERENCE_HEADS = 12
export const REFERENCE_FFN = 3072

/** FFN widths stay multiples of this: kernels tile by 4 and 8. */
const FFN_STEP = 8

/**
 * How many heads and FFN neurons a layer keeps under `heads<heads>-ffn<ffn>`: the fractions heads / 12 and ffn / 3072
 * of its own, at least one head; the FFN rounded to a multiple of 8, at least 8, never more than there are.
 */
export function keptStructure(
  step: { heads: number; ffn: number },
  layer: { heads: number; ffn: number },
): { heads: number; ffn: number } {
  const heads = Math.max(1, Math.min(layer.heads, Math.round((layer.heads * step.heads) / REFERENCE_HEADS)))
  const rounded = Math.round((layer.ffn * step.ffn) / REFERENCE_FFN / FFN_STEP) * FFN_STEP
  return { heads, ffn: Math.min(layer.ffn, Math.max(FFN_STEP, rounded)) }
}

/** Scores of one layer; the lowest go first. */
export interface Importance {
  /** [heads] */
  heads: Float64Array
  /** [F] */
  neurons: Float64Array
}

/**
 * Importance from the weights alone.
 * - head: Frobenius norm of its output-value product O_h V_h, the map from a token to its contribution: it does not
 *   change when one of the two is scaled up and the other down
 * - neuron: ||its row of W1, with bias|| * ||its column of W2||
 */
export function weightImportance(layer: EncoderLayer, name = 'layer'): Importance {
  const [value, output] = [dense(layer.value, name, 'value'), dense(layer.attentionOutput, name, 'attentionOutput')]
  const [first, second] = [dense(layer.intermediate, name, 'intermediate'), dense(layer.output, name, 'output')]
  const { heads: H, headSize: D } = layer
  const heads = new Float64Array(H)
  for (let h = 0; h < H; h++) {
    // ||O V||^2 = trace((O^T O)(V V^T)): two [D, D] matrices instead of one [C, C]
    const valueGram = gram(view(value.data.subarray(h * D * value.K, (h + 1) * D * value.K), D, value.K))
    const columns = {
      data: output.data.subarray(h * D),
      rows: output.N,
      columns: D,
      rowStride: output.K,
      columnStride: 1,
    }
    const outputGram = gram(transpose(columns))
    let trace = 0
    for (let i = 0; i < D * D; i++) trace += valueGram[i] * outputGram[i]
    heads[h] = Math.sqrt(Math.max(0, trace))
  }
  const F = first.N
  const neurons = new Float64Array(F)
  for (let f = 0; f < F; f++) {
    let incoming = (layer.intermediate.bias?.[f] ?? 0) ** 2
    for (let k = f * first.K; k < (f + 1) * first.K; k++) incoming += first.data[k] ** 2
    let outgoing = 0
    for (let n = 0; n < second.N; n++) outgoing += second.data[n * F + f] ** 2
    neurons[f] = Math.sqrt(incoming * outgoing)
  }
  return { heads, neurons }
}

function dense(linear: LinearLayer, name: string, role: keyof typeof LINEAR_STEMS): DenseWeight {
  const stem = `${name}.${LINEAR_STEMS[role]}`
  const weight = requireDense(linear.weight, stem, 'heads')
  requireFinite(weight.data, weight.K, stem)
  return weight
}

/** Indices of the `count` highest scores, rising; equal scores keep the earlier one. */
export function topIndices(scores: Float64Array, count: number): number[] {
  const order = Array.from(scores, (_, i) => i)
  order.sort((i, j) => scores[j] - scores[i] || i - j)
  return order.slice(0, count).sort((i, j) => i - j)
}

/**
 * Cuts a layer down to these heads and neurons (indices rising): rows of query, key, value and intermediate with their
 * biases, columns of attentionOutput and output. All weights must be dense f32.
 */
export function sliceLayer(
  layer: EncoderLayer,
  heads: readonly number[],
  neurons: readonly number[],
  name = 'layer',
): EncoderLayer {
  const D = layer.headSize
  const units = heads.flatMap((h) => Array.from({ length: D }, (_, d) => h * D + d))
  const rows = (role: 'query' | 'key' | 'value' | 'intermediate', kept: readonly number[]): LinearLayer => {
    const { bias } = layer[role]
    const { K, data } = dense(layer[role], name, role)
    const out = new Float32Array(kept.length * K)
    kept.forEach((from, to) => out.set(data.subarray(from * K, (from + 1) * K), to * K))
    return {
      weight: { kind: 'f32', N: kept.length, K, data: out },
      bias: bias && Float32Array.from(kept, (from) => bias[from]),
    }
  }
  const columns = (role: 'attentionOutput' | 'output', kept: readonly number[]): LinearLayer => {
    const { N, K, data } = dense(layer[role], name, role)
    const out = new Float32Array(N * kept.length)
    for (let n = 0; n < N; n++)
      for (let to = 0; to < kept.length; to++) out[n * kept.length + to] = data[n * K + kept[to]]
    return { weight: { kind: 'f32', N, K: kept.length, data: out }, bias: layer[role].bias }
  }
  return {
    ...layer,
    query: rows('query', units),
    key: rows('key', units),
    value: rows('value', units),
    attentionOutput: columns('attentionOutput', units),
    intermediate: rows('intermediate', neurons),
    output: columns('output', neurons),
    heads: heads.length,
  }
}

/**
 * Step `heads<h>-ffn<f>`. Every layer keeps the same number of heads and neurons, the most important of its own.
 * @param importance scores per layer; from the weights unless given (e.g. measured on activations)
 */
export function removeStructure(
  model: ModelWeights,
  step: { heads: number; ffn: number },
  importance?: readonly Importance[],
): StepResult {
  let shapes = ''
  const layers = model.layers.map((layer, i) => {
    const name = `bert.encoder.layer.${i}`
    const kept = keptStructure(step, { heads: layer.heads, ffn: layer.intermediate.weight.N })
    const scores = importance?.[i] ?? weightImportance(layer, name)
    if (i === 0)
      shapes = `${kept.heads} of ${layer.heads} heads and ${kept.ffn} of ${layer.intermediate.weight.N} FFN neurons`
    return sliceLayer(layer, topIndices(scores.heads, kept.heads), topIndices(scores.neurons, kept.ffn), name)
  })
  return { model: { ...model, layers }, notes: [`heads${step.heads}-ffn${step.ffn}: kept ${shapes} per layer`] }
}
