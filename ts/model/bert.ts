// An encoder as a program: post-LN layers as BERT has them, then what the task needs.
//   x = LN(x + attention(x));  x = LN(x + W2 gelu(W1 x));  pooled = tanh(Wp x[CLS]);  logits = Wc pooled
// with the activations that the configuration and the family have in place of gelu and tanh. The residual goes into
// LayerNorm (which walks the row anyway), activations into their linears.

import { checkChoice, checkNames, type OptionNames } from '../../kernels/program/check-options.ts'
import type { Activation, BufferId, BufferSpec, Program } from '../../kernels/program/program.ts'
import type { StoredOp, StoredProgram, StoredWeight } from '../../kernels/program/stored-weights.ts'
import {
  denseTable,
  type ChainWeight,
  type EmbeddingTable,
  type LeafWeight,
  type LinearWeight,
} from '../../kernels/program/weights.ts'
import { contractChain } from '../../kernels/low-rank-linear/contract-chain.ts'
import { familyOf } from '../families/index.ts'
import {
  appliedLayers,
  poolerActivation,
  type LinearLayer,
  type ModelWeights,
  type Norm,
  type StoredModel,
} from './weights.ts'

/**
 * logits [B, labels] of texts; token-logits [M, labels] of every token, of models that label tokens; pooled [B, C], tanh over the [CLS] row; embeddings [B, C], mean over tokens; hidden [M, C], the
 * last layer's rows.
 */
const OUTPUTS = ['logits', 'token-logits', 'embeddings', 'hidden', 'pooled'] as const
export type ModelOutput = (typeof OUTPUTS)[number]

export interface ProgramOptions {
  /** 'hidden': the program takes rows [M, C] as they leave the embeddings; 'ids' if not given */
  input?: 'ids' | 'hidden'
  /** 'embeddings' only: divide by the L2 norm; true if not given */
  normalize?: boolean
  /**
   * logits and pooled only: after the last attention keep the [CLS] rows alone, since no other row is read again. The
   * numbers are the same; 3/4 of the last layer's linear work is not done. true if not given
   */
  firstTokenOnly?: boolean
}

const OPTIONS: OptionNames<ProgramOptions> = { input: true, normalize: true, firstTokenOnly: true }

/** Buffers by width; a released one is used again, so that a program needs about seven whatever its depth. */
class BufferPool {
  readonly specs: BufferSpec[] = []
  private readonly free: BufferId[] = []

  acquire(rows: BufferSpec['rows'], width: number): BufferId {
    const i = this.free.findIndex((id) => this.specs[id].rows === rows && this.specs[id].width === width)
    if (i >= 0) return this.free.splice(i, 1)[0]
    this.specs.push({ name: `${rows}${this.specs.length}`, rows, width, dtype: 'f32' })
    return this.specs.length - 1
  }

  release(...ids: BufferId[]): void {
    this.free.push(...ids)
  }
}

/**
 * Compiles a model to a flat list of kernel calls. Low-rank chains become one linear per factor.
 *
 * @throws where the model lacks what `output` needs: a classifier, a pooler, or embedding tables for ids
 */
export function buildProgram(model: ModelWeights, output: ModelOutput, options?: ProgramOptions): Program
export function buildProgram(model: StoredModel, output: ModelOutput, options?: ProgramOptions): StoredProgram
export function buildProgram(model: StoredModel, output: ModelOutput, options: ProgramOptions = {}): StoredProgram {
  const { config, embeddings } = model
  const C = config.hiddenSize
  checkNames('buildProgram', options, OPTIONS)
  checkChoice('buildProgram', 'output', output, OUTPUTS)
  checkChoice('buildProgram', 'input', options.input, ['ids', 'hidden'])
  const { input = 'ids', normalize = true, firstTokenOnly = true } = options
  checkOutput(model, output)
  if (input === 'ids' && embeddings.word.rows === 0)
    throw new Error('this model has no embedding tables: it takes hidden rows, not ids')

  const pool = new BufferPool()
  // of a layer that is applied several times the factors are one
  const chains = new Map<ChainWeight, LeafWeight[]>()
  const contracted = (chain: ChainWeight): LeafWeight[] => {
    const factors = chains.get(chain) ?? contractChain(chain).factors
    chains.set(chain, factors)
    return factors
  }
  const ops: StoredOp[] = []
  const linear = (
    from: BufferId,
    { weight, bias }: LinearLayer<LinearWeight | StoredWeight>,
    rows: BufferSpec['rows'],
    activation: Activation,
  ): BufferId => {
    const factors = weight.kind === 'chain' ? contracted(weight) : [weight]
    let current = from
    for (const [i, factor] of factors.entries()) {
      const isLast = i === factors.length - 1
      const to = pool.acquire(rows, factor.N)
      ops.push({
        kind: 'linear',
        input: current,
        output: to,
        weight: factor,
        bias: isLast ? bias : null,
        activation: isLast ? activation : 'none',
        residual: null,
      })
      if (current !== from) pool.release(current)
      current = to
    }
    return current
  }
  const layernorm = (from: BufferId, residual: BufferId, norm: Norm, rows: BufferSpec['rows']): BufferId => {
    const to = pool.acquire(rows, C)
    ops.push({ kind: 'layernorm', input: from, residual, output: to, ...norm, epsilon: config.layerNormEpsilon })
    pool.release(from, residual)
    return to
  }
  const firstToken = (from: BufferId, width: number): BufferId => {
    const to = pool.acquire('sequences', width)
    ops.push({ kind: 'first-token', input: from, output: to })
    pool.release(from)
    return to
  }

  let x = pool.acquire('tokens', input === 'ids' ? embeddings.word.width : C)
  const inputBuffer = x
  if (input === 'ids') {
    ops.push({ ...embeddingOf(model), output: x })
    const { projection } = embeddings
    if (projection) {
      const tables = x
      x = linear(tables, projection, 'tokens', 'none')
      pool.release(tables)
    }
  }

  const distanceBias = distanceBiasOf(model)
  let rows: BufferSpec['rows'] = 'tokens'
  const wantsFirst = output === 'logits' || output === 'pooled'
  const layers = appliedLayers(model)
  for (const [i, layer] of layers.entries()) {
    const query = linear(x, layer.query, rows, 'none')
    const key = linear(x, layer.key, rows, 'none')
    const value = linear(x, layer.value, rows, 'none')
    const width = layer.heads * layer.headSize
    let context = pool.acquire(rows, width)
    ops.push({
      kind: 'attention',
      query,
      key,
      value,
      output: context,
      heads: layer.heads,
      headSize: layer.headSize,
      distanceBias,
    })
    pool.release(query, key, value)
    if (wantsFirst && firstTokenOnly && i === layers.length - 1) {
      context = firstToken(context, width)
      x = firstToken(x, C)
      rows = 'sequences'
    }
    const attended = linear(context, layer.attentionOutput, rows, 'none')
    pool.release(context)
    x = layernorm(attended, x, layer.attentionNorm, rows)
    const wide = linear(x, layer.intermediate, rows, config.activation ?? 'gelu')
    const narrow = linear(wide, layer.output, rows, 'none')
    pool.release(wide)
    x = layernorm(narrow, x, layer.outputNorm, rows)
  }

  if (wantsFirst) {
    if (rows === 'tokens') x = firstToken(x, C)
    if (model.pooler) x = linear(x, model.pooler, 'sequences', poolerActivation(model))
    if (output === 'logits') x = linear(x, model.classifier!, 'sequences', 'none')
  } else if (output === 'token-logits') x = linear(x, model.classifier!, 'tokens', 'none')
  else if (output === 'embeddings') {
    const to = pool.acquire('sequences', C)
    ops.push({ kind: 'mean-pool', input: x, output: to, normalize })
    x = to
  }
  return { buffers: pool.specs, ops, input: input === 'ids' ? 'ids' : inputBuffer, output: x }
}

/** @throws where the model lacks what `output` needs */
function checkOutput({ config, classifier, pooler }: StoredModel, output: ModelOutput): void {
  const labelsTokens = config.task === 'token-classification'
  if ((output === 'logits' || output === 'token-logits') && !classifier)
    throw new Error('this model has no classifier: ask for embeddings, pooled or hidden, or train one')
  if (output === 'logits' && labelsTokens)
    throw new Error('this model labels tokens, not texts: ask for token-logits, embeddings or hidden')
  if (output === 'token-logits' && !labelsTokens)
    throw new Error('this model labels texts, not tokens: ask for logits, embeddings, pooled or hidden')
  if (output === 'pooled' && !pooler) throw new Error('this model has no pooler: ask for embeddings or hidden')
}

/** What attention adds to the score of query i with key j, f32 [H, 2 P - 1] by j - i + P - 1; null where it adds nothing. */
export function distanceBiasOf({ config, distances }: StoredModel): Float32Array | null {
  if (!distances) return null
  const { heads: H, maxPositions: P, distanceBuckets = 0 } = config
  const { bucketOf } = familyOf(config).distances!
  const width = 2 * P - 1
  const bias = new Float32Array(H * width)
  for (let d = 0; d < width; d++) {
    const row = bucketOf(d - (P - 1), distanceBuckets) * H
    for (let h = 0; h < H; h++) bias[h * width + d] = distances[row + h]
  }
  return bias
}

type EmbeddingOp = Extract<StoredOp, { kind: 'embedding' }>

/** The first op, but for its output. */
function embeddingOf(model: StoredModel): Omit<EmbeddingOp, 'output'> {
  const { word, type, norm } = model.embeddings
  return { kind: 'embedding', word, type, ...positionsOf(model), ...norm, epsilon: model.config.layerNormEpsilon }
}

/** A model's positions as an embedding op takes them; where they pass over padding, its row comes first. */
export function positionsOf(model: ModelWeights): { position: EmbeddingTable; paddingId?: number }
export function positionsOf(model: StoredModel): Pick<EmbeddingOp, 'position' | 'paddingId'>
export function positionsOf({ config, embeddings }: StoredModel): Pick<EmbeddingOp, 'position' | 'paddingId'> {
  const { position, before } = embeddings
  if (familyOf(config).positions === 'index') return { position }
  if (position.kind === 'stored' || !before)
    throw new Error('a model whose positions pass over padding needs them in memory, with the rows before the first')
  const { rows, width } = position
  const data = new Float32Array((rows + 1) * width)
  data.set(denseTable(before).subarray((before.rows - 1) * width))
  data.set(denseTable(position), width)
  return { position: { kind: 'f32', rows: rows + 1, width, data }, paddingId: config.paddingId }
}
