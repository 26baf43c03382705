// int8 after training: linears symmetric per output channel, embeddings affine per row.
//
// Rule of a linear row: scale = f32(max|w| / 127), q = round(w / scale) in [-127, 127], |w - scale q| <= scale / 2.
// Rule of an embedding row: offset = min, scale = f32((max - min) / 255), q in 0..255, |w - offset - scale q| <= scale / 2.
// Per tensor, all rows take the scale of the largest; the rule of half a step is the same with that wider step.
// A row of zeros (linear) or of one value (embedding) has scale 0 and q 0, and comes back exactly. No other scale is
// below the smallest normal f32: GPUs may flush what is below it to 0.

import type {
  CsrWeight,
  EmbeddingTable,
  Int8BlockWeight,
  Int8Weight,
  LeafWeight,
  LinearWeight,
} from '../../kernels/program/weights.ts'
import { LARGEST_ACTIVATION_SCALE, SMALLEST_ACTIVATION_SCALE } from '../../kernels/program/quantization.ts'
import { familyOf } from '../families/index.ts'
import type { LinearLayer, ModelWeights } from '../model/weights.ts'
import { linearLayers } from '../model/weights.ts'
import type { Calibration } from './calibration.ts'
import { roundCompensated, type Compensator } from './compensate.ts'
import { denseData, withEncoderWeights } from './dense.ts'
import type { StepResult } from './dense.ts'
import { requireFinite } from './finite.ts'
import {
  largestMagnitude,
  quantizeValue,
  quantizeWeight,
  sharedScales,
  SMALLEST_SCALE,
  symmetricScale,
} from './quantize-weight.ts'

export interface QuantizeOptions {
  /** one scale for all outputs of a layer in place of one each */
  perTensor?: boolean
  /**
   * fixed activation scales, largest |x| that the calibration saw / 127, in place of each row's own. Larger activations are
   * clipped. Inner inputs of a chain, which the calibration does not see, keep scales of their own
   */
  isStatic?: boolean
  /** share of the largest |x| that a static scale spans, 0 < clip <= 1; 1 */
  clip?: number
  /** needed where `isStatic` */
  calibration?: Calibration
  /** how dense layers round so that later inputs make up for what earlier ones are off by; each weight for itself if not given */
  compensation?: Compensator
  /** tensor stems that stay f32 */
  keepFloat?: ReadonlySet<string>
}

/** The static scale of the inputs of a layer. */
function activationScale(stem: string, K: number, { calibration, clip = 1 }: QuantizeOptions): number {
  const sums = calibration?.get(stem)
  if (sums?.K !== K)
    throw new Error(
      `q8:static: ${stem} takes ${K} inputs, the calibration has ${sums?.K ?? 'none'} for it; give context.calibration,` +
        ' made by calibrate() of compact-kernels/train of the model as it enters this step',
    )
  if (!(clip > 0 && clip <= 1)) throw new Error(`q8:static: clip ${clip}, expected more than 0 and at most 1`)
  const largest = largestMagnitude(sums.largest, 0, K)
  if (!Number.isFinite(largest)) throw new Error(`q8:static: the calibration of ${stem} holds ${largest}`)
  return Math.min(LARGEST_ACTIVATION_SCALE, Math.max(SMALLEST_ACTIVATION_SCALE, Math.fround((largest * clip) / 127)))
}

/** The f32 matrix [N, K] of an int8 weight. */
export function dequantizeWeight(weight: Int8Weight | Int8BlockWeight): Float32Array {
  return denseData(weight)
}

/** True where the stored positions of every row are whole 1x4 blocks: what pruning in 1x4 blocks leaves. */
export function isBlockSparse(weight: CsrWeight): boolean {
  if (weight.K % 4 !== 0) return false
  for (let row = 0; row < weight.N; row++) {
    const from = weight.rowOffsets[row]
    const to = weight.rowOffsets[row + 1]
    if ((to - from) % 4 !== 0) return false
    for (let z = from; z < to; z += 4) {
      const first = weight.columns[z]
      // Columns rise strictly, so the fourth being first + 3 means that all four are there.
      if (first % 4 !== 0 || weight.columns[z + 3] !== first + 3) return false
    }
  }
  return true
}

/** int8 1x4 blocks of a CSR weight whose positions are whole blocks (isBlockSparse). */
export function quantizeBlocks(
  weight: CsrWeight,
  name = 'weight',
  { perTensor = false }: Pick<QuantizeOptions, 'perTensor'> = {},
): Int8BlockWeight {
  const { N, K, rowOffsets, columns, values } = weight
  if (!isBlockSparse(weight)) throw new Error(`${name}: its non-zeros are not whole 1x4 blocks; prune with sp<NN>x4`)
  requireFinite(values, 1, name)
  const scales = perTensor ? sharedScales(values, N) : new Float32Array(N)
  const quantized = new Int8Array(values.length)
  for (let row = 0; row < N; row++) {
    if (!perTensor) scales[row] = symmetricScale(largestMagnitude(values, rowOffsets[row], rowOffsets[row + 1]))
    const scale = scales[row]
    for (let z = rowOffsets[row]; z < rowOffsets[row + 1]; z++) quantized[z] = quantizeValue(values[z], scale)
  }
  return {
    kind: 'int8-1x4',
    N,
    K,
    rowOffsets: rowOffsets.map((offset) => offset / 4),
    columns: Uint16Array.from({ length: columns.length / 4 }, (_, block) => columns[block * 4] / 4),
    values: quantized,
    scales,
  }
}

/**
 * int8 of any linear weight.
 * - dense f32 -> int8; a chain -> a chain of int8 factors
 * - CSR in whole 1x4 blocks -> int8-1x4
 * - CSR without blocks, and n:m -> dense int8 with the zeros kept: there is no int8 kernel for either. Dense int8 is
 *   faster than both in f32, at 1 byte per weight against 0.925 at 80 % zeros (f32 values and a bit per weight) and 2 at 2:4
 *
 * @param name the tensor's stem, by which the calibration knows it
 * @param shared remembers the result by source array, so that factors shared between layers stay shared
 */
export function quantizeLinear(
  weight: LinearWeight,
  name: string,
  shared = new Map<unknown, LeafWeight>(),
  options: QuantizeOptions = {},
): LinearWeight {
  switch (weight.kind) {
    case 'chain':
      return {
        ...weight,
        factors: weight.factors.map((factor, i) => {
          const leaf = quantizeLinear(factor, `${name} factor ${i}`, shared, {
            ...options,
            isStatic: false,
          }) as LeafWeight
          return i === 0 ? withActivationScale(leaf, name, options) : leaf
        }),
      }
    case 'int8':
    case 'int8-1x4':
      throw new Error(`q8: ${name} is stored as ${weight.kind} already; apply q8 once`)
    case 'f32':
    case 'csr':
    case 'nm': {
      const source = weight.kind === 'f32' ? weight.data : weight.values
      let quantized = shared.get(source)
      if (!(quantized && quantized.N === weight.N && quantized.K === weight.K)) {
        quantized =
          weight.kind === 'csr' && isBlockSparse(weight)
            ? quantizeBlocks(weight, name, options)
            : quantizeDense(denseData(weight), weight.N, weight.K, name, options)
        shared.set(source, quantized)
      }
      return withActivationScale(quantized, name, options)
    }
  }
}

/** Dense int8; inside a chain, whose inputs the calibration does not see, each weight for itself. */
function quantizeDense(data: Float32Array, N: number, K: number, name: string, options: QuantizeOptions): Int8Weight {
  const plain = quantizeWeight(data, N, K, name, options)
  const compensation = options.compensation?.(name, K)
  return compensation ? roundCompensated(data, N, K, plain.scales, compensation, name) : plain
}

/** The weight with the static scale of its layer's inputs; arrays stay shared. */
function withActivationScale(weight: LeafWeight, stem: string, options: QuantizeOptions): LeafWeight {
  if (!options.isStatic || (weight.kind !== 'int8' && weight.kind !== 'int8-1x4')) return weight
  return { ...weight, activationScale: activationScale(stem, weight.K, options) }
}

/**
 * Step `q8`: every linear, pooler and classifier included, to int8; `q8:tensor` and `q8:static` set the options of that
 * name. Layers of `keepFloat` stay as they are.
 * @throws where a layer is int8 already, the calibration is missing or of another model, or `keepFloat` names no layer
 */
export function quantizeLinears(model: ModelWeights, options: QuantizeOptions = {}): StepResult {
  const { keepFloat = new Set<string>() } = options
  const shared = new Map<unknown, LeafWeight>()
  const quantized = new Map<LinearLayer, LinearWeight>()
  const left = new Set(keepFloat)
  let dense = 0
  let blocks = 0
  let densified = 0
  for (const { stem, linear } of linearLayers(model)) {
    if (left.delete(stem)) {
      quantized.set(linear, linear.weight)
      continue
    }
    const weight = quantizeLinear(linear.weight, stem, shared, options)
    quantized.set(linear, weight)
    if (linear.weight.kind === 'csr' && weight.kind === 'int8') densified++
    if (linear.weight.kind === 'nm') densified++
    if (weight.kind === 'int8-1x4') blocks++
    else dense++
  }
  if (left.size > 0) throw new Error(`q8: keepFloat names ${[...left].join(', ')}, which this model does not have`)
  const convert = (linear: LinearLayer | null): LinearLayer | null =>
    linear && { weight: quantized.get(linear)!, bias: linear.bias }
  const { projection } = model.embeddings
  const weights = model.layers.flatMap((layer) =>
    [layer.query, layer.key, layer.value, layer.attentionOutput, layer.intermediate, layer.output].map((linear) =>
      quantized.get(linear)!,
    ),
  )
  const notes = [
    `q8: ${dense} linears to int8${blocks > 0 ? `, ${blocks} to int8 1x4 blocks` : ''}` +
      (options.perTensor ? ', one scale per layer' : '') +
      (options.isStatic ? ', calibrated activation scales' : '') +
      (options.compensation ? ', rounded with compensation' : ''),
  ]
  if (keepFloat.size > 0) notes.push(`q8: left in f32: ${[...keepFloat].join(', ')}`)
  if (densified > 0)
    notes.push(
      `q8: ${densified} sparse linears became dense int8 with their zeros kept: only 1x4 blocks have a sparse int8 kernel`,
    )
  return {
    model: {
      ...withEncoderWeights(model, weights),
      embeddings: { ...model.embeddings, ...(projection && { projection: convert(projection)! }) },
      pooler: convert(model.pooler),
      classifier: convert(model.classifier),
    },
    notes,
  }
}

/** uint8 rows with a scale and an offset each, of an f32 table [rows, width]. */
export function quantizeEmbedding(table: EmbeddingTable, name = 'embedding'): EmbeddingTable & { kind: 'int8' } {
  if (table.kind !== 'f32') throw new Error(`e8: ${name} is stored as ${table.kind} already; apply e8 once`)
  const { rows, width, data } = table
  if (data.length !== rows * width) throw new Error(`${name}: ${data.length} elements, expected ${rows} x ${width}`)
  requireFinite(data, width, name)
  const quantized = new Uint8Array(rows * width)
  const scales = new Float32Array(rows)
  const offsets = new Float32Array(rows)
  for (let row = 0; row < rows; row++) {
    let low = width > 0 ? data[row * width] : 0
    let high = low
    for (let i = row * width; i < (row + 1) * width; i++) {
      if (data[i] < low) low = data[i]
      if (data[i] > high) high = data[i]
    }
    const scale = high === low ? 0 : Math.max(SMALLEST_SCALE, Math.fround((high - low) / 255))
    scales[row] = scale
    offsets[row] = low
    if (scale > 0)
      for (let i = row * width; i < (row + 1) * width; i++)
        quantized[i] = Math.min(255, Math.round((data[i] - low) / scale))
  }
  return { kind: 'int8', rows, width, data: quantized, scales, offsets }
}

/**
 * Step `e8`: the word table to int8. Position and type tables stay f32, as in the study: on mBERT they are 0.4 % of the
 * embedding bytes, and every token's sum passes through them.
 */
export function quantizeWordEmbeddings(model: ModelWeights): StepResult {
  const word = quantizeEmbedding(model.embeddings.word, familyOf(model.config).tensors.word)
  return {
    model: { ...model, embeddings: { ...model.embeddings, word } },
    notes: [`e8: word table [${word.rows}, ${word.width}] to int8 rows`],
  }
}
