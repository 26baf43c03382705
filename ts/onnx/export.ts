// A model as an ONNX graph that onnxruntime runs: the same weights, so that anyone can check or compare them elsewhere.
//   f32      MatMul, Add; LayerNormalization; GELU by Erf
//   int8     MatMulInteger with s8 weights, Cast, Mul by both scales; activations as `activations` says, or by the layer's
//            calibrated scale where it has one
//   sparse   as dense f32 or dense int8 with their zeros: ONNX runtimes have no sparse linear
//   chains   one MatMul per factor
//   int8 embedding rows   Gather, Cast, Mul, Add

import type { Activation } from '../../kernels/program/program.ts'
import { fixedScale } from '../../kernels/program/quantization.ts'
import type { EmbeddingTable, LeafWeight } from '../../kernels/program/weights.ts'
import { spreadEntries } from '../../kernels/sparse-matmul/spread.ts'
import { contractChain } from '../../kernels/low-rank-linear/contract-chain.ts'
import { familyOf } from '../families/index.ts'
import { distanceBiasOf, positionsOf } from '../model/bert.ts'
import { denseLeaf } from '../model/dense.ts'
import {
  appliedLayers,
  poolerActivation,
  type EncoderLayer,
  type LinearLayer,
  type ModelWeights,
  type Norm,
} from '../model/weights.ts'
import { ELEMENT, GraphBuilder } from './builder.ts'
import type { LazyBytes, Message } from './protobuf.ts'

export interface OnnxOptions {
  /** 'logits' where the model has a classifier, else 'last_hidden_state' [batch, sequence, C] */
  output?: 'logits' | 'last_hidden_state'
  /**
   * How int8 layers quantize their input. 'per-tensor': DynamicQuantizeLinear, u8, for which onnxruntime has fused
   * kernels, coarser than ours. 'per-row': our own rule spelt out in basic operators: the same numbers as here, slower.
   * 'per-tensor' if not given
   */
  activations?: 'per-tensor' | 'per-row'
}

const bytesOf = (array: Float32Array | Int8Array | Uint8Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength)

/** Below every score that attention makes; a padded position then weighs exactly 0. */
const MASKED = -1e9

class BertGraph {
  readonly graph = new GraphBuilder()
  private readonly model: ModelWeights
  /** quantized activations by the name of the f32 ones: query, key and value share one */
  private readonly quantized = new Map<string, { values: string; scale: string; zero: string[] }>()
  private readonly activations: 'per-tensor' | 'per-row'

  constructor(model: ModelWeights, activations: 'per-tensor' | 'per-row') {
    this.model = model
    this.activations = activations
  }

  build(output: 'logits' | 'last_hidden_state'): Message {
    const { graph, model } = this
    const { modelTypes, tensors } = familyOf(model.config)
    const { type } = model.embeddings
    const input = (name: string): string => graph.input(name, 'i64', ['batch', 'sequence'])
    const [ids, mask] = [input('input_ids'), input('attention_mask')]
    const types = tensors.type === null || type.rows === 1 ? null : input('token_type_ids')
    const bias = this.withDistances(this.maskBias(mask), ids)
    let x = this.embed(ids, types)
    // of a layer that is applied several times the constants are one
    for (const layer of appliedLayers(model))
      x = this.layer(x, layer, bias, `encoder.layer.${model.layers.indexOf(layer)}`)
    if (output === 'last_hidden_state') {
      graph.output(output, x, 'f32', ['batch', 'sequence', model.config.hiddenSize])
      return graph.finish(modelTypes[0])
    }
    if (!model.classifier) throw new Error('export-onnx: this model has no classifier; export last_hidden_state')
    if (model.config.task === 'token-classification') {
      graph.output('logits', this.linear(x, model.classifier, 'classifier'), 'f32', [
        'batch',
        'sequence',
        model.classifier.weight.N,
      ])
      return graph.finish(modelTypes[0])
    }
    const first = graph.constant('first', 'i64', [], new Uint8Array(8))
    x = graph.node('Gather', [x, first], { axis: 1 })
    if (model.pooler) x = this.activation(this.linear(x, model.pooler, 'pooler'), poolerActivation(model))
    const logits = this.linear(x, model.classifier, 'classifier')
    graph.output('logits', logits, 'f32', ['batch', model.classifier.weight.N])
    return graph.finish(modelTypes[0])
  }

  /** 0 where attention_mask is 1, MASKED where it is 0: [batch, 1, 1, sequence]. */
  private maskBias(mask: string): string {
    const { graph } = this
    const wide = graph.node('Unsqueeze', [mask, graph.integers([1, 2])])
    const missing = graph.node('Sub', [graph.scalar(1), graph.node('Cast', [wide], { to: ELEMENT.f32 })])
    return graph.node('Mul', [missing, graph.scalar(MASKED)])
  }

  /** The bias with what attention adds by distance, where it does: [batch, heads, sequence, sequence]. */
  private withDistances(bias: string, ids: string): string {
    const { graph, model } = this
    const distances = distanceBiasOf(model)
    if (!distances) return bias
    const { heads: H, maxPositions: P } = model.config
    const integer = (value: number): string => {
      const bytes = new Uint8Array(BigInt64Array.of(BigInt(value)).buffer)
      return graph.constant(`integer_${value}`, 'i64', [], bytes)
    }
    const one = integer(1)
    const tokens = graph.node('Gather', [graph.node('Shape', [ids]), one])
    const places = graph.node('Range', [integer(0), tokens, one])
    const [keys, queries] = [0, 1].map((axis) => graph.node('Unsqueeze', [places, graph.integers([axis])]))
    const rows = graph.node('Add', [graph.node('Sub', [keys, queries]), integer(P - 1)])
    const content = bytesOf(transpose(distances, H, 2 * P - 1, Float32Array))
    const table = graph.constant('distances', 'f32', [2 * P - 1, H], content)
    const byHead = graph.node('Transpose', [graph.node('Gather', [table, rows])], { perm: [2, 0, 1] })
    return graph.node('Add', [bias, byHead])
  }

  private embed(ids: string, types: string | null): string {
    const { graph, model } = this
    const { word, type, norm, projection } = model.embeddings
    if (word.rows === 0) throw new Error('export-onnx: this model has no embedding tables')
    const pick = (by: string) => (table: string) => graph.node('Gather', [table, by])
    // without token types the one row is added to every token
    const ofType = types === null ? (table: string) => table : pick(types)
    const words = graph.node('Add', [this.rows(word, 'word', pick(ids)), this.rows(type, 'type', ofType)])
    const x = this.norm(graph.node('Add', [words, this.positions(ids)]), norm, 'embeddings')
    return projection ? this.linear(x, projection, 'projection') : x
  }

  /** [sequence, E], or [batch, sequence, E] where positions pass over padding. */
  private positions(ids: string): string {
    const { graph } = this
    const { position, paddingId } = positionsOf(this.model)
    if (paddingId === undefined) {
      const tokens = graph.node('Slice', [graph.node('Shape', [ids]), graph.integers([1]), graph.integers([2])])
      const head = (table: string) => graph.node('Slice', [table, graph.integers([0]), tokens, graph.integers([0])])
      return this.rows(position, 'position', head)
    }
    const isToken = graph.node('Not', [graph.node('Equal', [ids, graph.integers([paddingId])])])
    const counted = graph.node('Cast', [isToken], { to: ELEMENT.i64 })
    const axis = graph.constant('axis', 'i64', [], new Uint8Array(BigInt64Array.of(1n).buffer))
    const places = graph.node('Mul', [graph.node('CumSum', [counted, axis]), counted])
    return this.rows(position, 'position', (table) => graph.node('Gather', [table, places]))
  }

  /** Rows of a table in f32, taken by `take`. */
  private rows(table: EmbeddingTable, name: string, take: (table: string) => string): string {
    const { graph } = this
    const { rows, width } = table
    if (table.kind === 'f32') return take(graph.constant(name, 'f32', [rows, width], bytesOf(table.data), table.data))
    const values = take(graph.constant(name, 'u8', [rows, width], bytesOf(table.data)))
    const scales = take(graph.constant(`${name}.scales`, 'f32', [rows, 1], bytesOf(table.scales)))
    const offsets = take(graph.constant(`${name}.offsets`, 'f32', [rows, 1], bytesOf(table.offsets)))
    const scaled = graph.node('Mul', [graph.node('Cast', [values], { to: ELEMENT.f32 }), scales])
    return graph.node('Add', [scaled, offsets])
  }

  private norm(x: string, { gamma, beta }: Norm, name: string): string {
    const { graph, model } = this
    const shape = [gamma.length]
    const g = graph.constant(`${name}.gamma`, 'f32', shape, bytesOf(gamma), gamma)
    const b = graph.constant(`${name}.beta`, 'f32', shape, bytesOf(beta), beta)
    return graph.node('LayerNormalization', [x, g, b], {
      axis: -1,
      epsilon: { float: model.config.layerNormEpsilon },
    })
  }

  private layer(x: string, layer: EncoderLayer, bias: string, name: string): string {
    const { graph } = this
    const { heads, headSize } = layer
    const split = graph.integers([0, 0, heads, headSize])
    const headed = (linear: LinearLayer, part: string, perm: number[]) =>
      graph.node('Transpose', [graph.node('Reshape', [this.linear(x, linear, `${name}.${part}`), split])], { perm })
    const query = headed(layer.query, 'query', [0, 2, 1, 3])
    const key = headed(layer.key, 'key', [0, 2, 3, 1])
    const value = headed(layer.value, 'value', [0, 2, 1, 3])
    const scores = graph.node('Div', [graph.node('MatMul', [query, key]), graph.scalar(Math.sqrt(headSize))])
    const weights = graph.node('Softmax', [graph.node('Add', [scores, bias])], { axis: -1 })
    const context = graph.node('Transpose', [graph.node('MatMul', [weights, value])], { perm: [0, 2, 1, 3] })
    const joined = graph.node('Reshape', [context, graph.integers([0, 0, heads * headSize])])
    const attended = this.linear(joined, layer.attentionOutput, `${name}.attentionOutput`)
    const middle = this.norm(graph.node('Add', [attended, x]), layer.attentionNorm, `${name}.attentionNorm`)
    const wide = this.activation(
      this.linear(middle, layer.intermediate, `${name}.intermediate`),
      this.model.config.activation ?? 'gelu',
    )
    const narrow = this.linear(wide, layer.output, `${name}.output`)
    return this.norm(graph.node('Add', [narrow, middle]), layer.outputNorm, `${name}.outputNorm`)
  }

  private activation(x: string, activation: Activation): string {
    switch (activation) {
      case 'none':
        return x
      case 'gelu':
        return this.gelu(x)
      case 'tanh':
        return this.graph.node('Tanh', [x])
      case 'relu':
        return this.graph.node('Relu', [x])
      case 'silu':
        return this.graph.node('Mul', [x, this.graph.node('Sigmoid', [x])])
      case 'gelu_tanh':
        return this.geluTanh(x)
    }
  }

  /** x * 0.5 * (1 + erf(x / sqrt(2))), in the order that onnxruntime fuses. */
  private gelu(x: string): string {
    const { graph } = this
    const erf = graph.node('Erf', [graph.node('Div', [x, graph.scalar(Math.SQRT2)])])
    const product = graph.node('Mul', [x, graph.node('Add', [erf, graph.scalar(1)])])
    return graph.node('Mul', [product, graph.scalar(0.5)])
  }

  /** x * 0.5 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) */
  private geluTanh(x: string): string {
    const { graph } = this
    const cube = graph.node('Mul', [graph.node('Mul', [x, x]), x])
    const inner = graph.node('Add', [x, graph.node('Mul', [cube, graph.scalar(0.044715)])])
    const tanh = graph.node('Tanh', [graph.node('Mul', [inner, graph.scalar(Math.sqrt(2 / Math.PI))])])
    return graph.node('Mul', [graph.node('Mul', [x, graph.node('Add', [tanh, graph.scalar(1)])]), graph.scalar(0.5)])
  }

  private linear(x: string, { weight, bias }: LinearLayer, name: string): string {
    const { graph } = this
    const factors = weight.kind === 'chain' ? contractChain(weight).factors : [weight]
    let y = x
    for (const [i, factor] of factors.entries())
      y = this.product(y, factor, factors.length > 1 ? `${name}.factors.${i}` : name)
    return bias ? graph.node('Add', [y, graph.constant(`${name}.bias`, 'f32', [weight.N], bytesOf(bias), bias)]) : y
  }

  private product(x: string, weight: LeafWeight, name: string): string {
    const { graph } = this
    const { N, K } = weight
    if (weight.kind !== 'int8' && weight.kind !== 'int8-1x4') {
      const source = weight.kind === 'f32' ? weight.data : weight.values
      const content = { length: N * K * 4, bytes: () => bytesOf(transpose(denseLeaf(weight), N, K, Float32Array)) }
      return graph.node('MatMul', [x, graph.constant(`${name}.weight`, 'f32', [K, N], content, source, 'transposed')])
    }
    const { values, scale, zero } = this.quantize(x, weight.activationScale)
    const source = weight.kind === 'int8' ? weight.data : weight.values
    const content: LazyBytes = {
      length: N * K,
      bytes: () =>
        bytesOf(
          transpose(
            weight.kind === 'int8' ? weight.data : spreadEntries(weight, new Int8Array(N * K)),
            N,
            K,
            Int8Array,
          ),
        ),
    }
    const matrix = graph.constant(`${name}.weight`, 's8', [K, N], content, source, 'transposed')
    const scales = graph.constant(`${name}.scales`, 'f32', [N], bytesOf(weight.scales), weight.scales)
    const sums = graph.node('Cast', [graph.node('MatMulInteger', [values, matrix, ...zero])], { to: ELEMENT.f32 })
    if (this.activations === 'per-tensor') return graph.node('Mul', [sums, graph.node('Mul', [scale, scales])])
    // not as one product of scales: onnxruntime 1.32 fuses such products as if `scale` were a scalar, and computes wrongly
    return graph.node('Mul', [graph.node('Mul', [sums, scale]), scales])
  }

  private quantize(x: string, activationScale?: number): { values: string; scale: string; zero: string[] } {
    const { graph } = this
    const key = `${x} ${activationScale}`
    const known = this.quantized.get(key)
    if (known) return known
    let parts: { values: string; scale: string; zero: string[] }
    if (activationScale !== undefined) {
      const { scale, inverse } = fixedScale(activationScale)
      const rounded = graph.node('Round', [graph.node('Mul', [x, graph.scalar(inverse)])])
      const clipped = graph.node('Min', [graph.node('Max', [rounded, graph.scalar(-127)]), graph.scalar(127)])
      parts = { values: graph.node('Cast', [clipped], { to: ELEMENT.s8 }), scale: graph.scalar(scale), zero: [] }
    } else if (this.activations === 'per-tensor') {
      const [values, scale, zero] = graph.nodeOf('DynamicQuantizeLinear', [x], 3)
      parts = { values, scale, zero: [zero] }
    } else {
      const largest = graph.node('ReduceMax', [graph.node('Abs', [x])], { axes: [-1], keepdims: 1 })
      const scale = graph.node('Div', [largest, graph.scalar(127)])
      // a row of zeros has scale 0; the lower limit keeps its inverse finite, and its zeros zeros
      const limited = graph.node('Max', [largest, graph.scalar(2 ** -100)])
      const rounded = graph.node('Round', [graph.node('Mul', [x, graph.node('Div', [graph.scalar(127), limited])])])
      parts = { values: graph.node('Cast', [rounded], { to: ELEMENT.s8 }), scale, zero: [] }
    }
    this.quantized.set(key, parts)
    return parts
  }
}

/** [N, K] to [K, N]: ONNX multiplies x W. */
function transpose<T extends Float32Array | Int8Array>(data: T, N: number, K: number, Ctor: new (n: number) => T): T {
  const result = new Ctor(N * K)
  for (let n = 0; n < N; n++) for (let k = 0; k < K; k++) result[k * N + n] = data[n * K + k]
  return result
}

const buildOnnx = (model: ModelWeights, { output, activations = 'per-tensor' }: OnnxOptions): Message =>
  new BertGraph(model, activations).build(output ?? (model.classifier ? 'logits' : 'last_hidden_state'))

/**
 * The ONNX file in memory: inputs input_ids, attention_mask and, where the family has them, token_type_ids, int64 [batch, sequence].
 * @throws where the file would pass 2 GB, or the model lacks what `output` needs
 */
export function encodeOnnx(model: ModelWeights, options: OnnxOptions = {}): Uint8Array<ArrayBuffer> {
  const message = buildOnnx(model, options)
  const file = new Uint8Array(message.length)
  let at = 0
  for (const part of message) {
    file.set(part, at)
    at += part.length
  }
  return file
}

/**
 * Writes a model as an ONNX file (Node), one tensor at a time; nothing half-written stays.
 * @returns bytes written
 */
export async function exportOnnx(model: ModelWeights, path: string, options: OnnxOptions = {}): Promise<number> {
  const message = buildOnnx(model, options)
  const { writeWhole } = await import('../io/folder.node.ts')
  return writeWhole(path, message)
}
