// The one-op programs of `bench kernels`: every linear kind at a layer's shape, and the ops between the linears.

import type { LinearShape } from '../lib/shapes.ts'
import type { Batch, BufferSpec, Op, Program } from '../../kernels/program/program.ts'
import { TILE_INPUTS, TILE_OUTPUTS, type LeafWeight } from '../../kernels/program/weights.ts'
import { seededRandom, uniform } from '../../kernels/testing/random.ts'
import { randomWeight } from '../../kernels/testing/weights.ts'

export interface KernelCase {
  /** kernel, e.g. 'int8-1x4' */
  op: string
  /** e.g. '80 % zeros' */
  variant: string
  program: Program
  batch: Batch
  /** operations really done, a multiply-add is two; 0 where they are not what takes the time */
  ops: number
  /** as if the layer were dense */
  denseOps: number
  /** which ceiling its rate is a share of */
  ceiling: 'f32' | 'int8' | 'none'
}

/** Sizes of the ops between the linears. */
export interface RowSizes {
  M: number
  C: number
  headSize: number
}

const SEED = 7
/** rows of the embedding table: larger than any cache here, small enough to make in a second */
const VOCABULARY = 30522

export interface LinearKind {
  op: string
  variant: string
  kind: LeafWeight['kind']
  density: number
  /** zeros in whole tiles of 16 outputs x 32 inputs */
  tiles?: boolean
}

export const LINEAR_KINDS: readonly LinearKind[] = [
  { op: 'f32', variant: 'dense', kind: 'f32', density: 1 },
  { op: 'int8', variant: 'dense', kind: 'int8', density: 1 },
  { op: 'csr', variant: '80 % zeros', kind: 'csr', density: 0.2 },
  { op: 'csr', variant: '90 % zeros', kind: 'csr', density: 0.1 },
  { op: 'csr-16x32', variant: '80 % zero tiles', kind: 'csr', density: 0.2, tiles: true },
  { op: 'int8-1x4', variant: '50 % zero blocks', kind: 'int8-1x4', density: 0.5 },
  { op: 'int8-1x4', variant: '80 % zero blocks', kind: 'int8-1x4', density: 0.2 },
  { op: 'int8-1x4', variant: '90 % zero blocks', kind: 'int8-1x4', density: 0.1 },
  { op: 'int8-16x32', variant: '80 % zero tiles', kind: 'int8-1x4', density: 0.2, tiles: true },
  { op: 'nm', variant: '2:4', kind: 'nm', density: 0.5 },
]

export const KERNEL_NAMES = [
  ...new Set(LINEAR_KINDS.map((c) => c.op)),
  'low-rank',
  'attention',
  'layernorm',
  'embedding',
  'call',
]

const tokens = (name: string, width: number): BufferSpec => ({ name, rows: 'tokens', width, dtype: 'f32' })

export function storedWeights(weight: LeafWeight): number {
  return weight.kind === 'f32' || weight.kind === 'int8' ? weight.data.length : weight.values.length
}

function linearOp(input: number, output: number, weight: LeafWeight, bias: Float32Array | null): Op {
  return { kind: 'linear', input, output, weight, bias, activation: 'none', residual: null }
}

/** Every linear kind at one shape; `only` limits them by name. */
export function* linearCases(
  { M, N, K }: LinearShape,
  only: readonly string[],
  kinds: readonly LinearKind[] = LINEAR_KINDS,
): Generator<KernelCase> {
  const random = seededRandom(SEED)
  const batch: Batch = { offsets: Int32Array.of(0, M), rows: uniform(M * K, random) }
  const bias = uniform(N, random)
  const denseOps = 2 * M * N * K
  for (const { op, variant, kind, density, tiles = false } of kinds) {
    // sizes that the tiles do not divide have no such weight
    if (!only.includes(op) || (tiles && (N % TILE_OUTPUTS !== 0 || K % TILE_INPUTS !== 0))) continue
    const weight = randomWeight(kind, N, K, random, { density, tiles })
    yield {
      op,
      variant,
      batch,
      program: { buffers: [tokens('x', K), tokens('y', N)], ops: [linearOp(0, 1, weight, bias)], input: 0, output: 1 },
      ops: 2 * M * storedWeights(weight),
      denseOps,
      ceiling: kind.startsWith('int8') ? 'int8' : 'f32',
    }
  }
  if (!only.includes('low-rank')) return
  // A quarter of the layer's smaller side, as tucker:0.25 and svd:0.25 keep.
  const R = Math.max(1, Math.round(Math.min(N, K) / 4))
  const down = randomWeight('f32', R, K, random)
  const up = randomWeight('f32', N, R, random)
  yield {
    op: 'low-rank',
    variant: `f32, R = ${R}`,
    batch,
    program: {
      buffers: [tokens('x', K), tokens('t', R), tokens('y', N)],
      ops: [linearOp(0, 1, down, null), linearOp(1, 2, up, bias)],
      input: 0,
      output: 2,
    },
    ops: 2 * M * R * (N + K),
    denseOps,
    ceiling: 'f32',
  }
}

/** The program with so many copies of its layer, each with weights of its own, one after the other on the same rows. */
export function withCopies(program: Program, copies: number): Program {
  const [op] = program.ops
  if (op.kind !== 'linear') throw new Error(`bench: copies of ${op.kind}, expected a linear layer`)
  const copy = (): Op => ({ ...op, weight: structuredClone(op.weight) })
  return { ...program, ops: Array.from({ length: copies }, copy) }
}

/** Attention, LayerNorm, embedding, and what a call costs that computes next to nothing. */
export function* rowCases({ M, C, headSize }: RowSizes, only: string[]): Generator<KernelCase> {
  const random = seededRandom(SEED + 1)
  const rows = uniform(M * C, random)
  const offsets = Int32Array.of(0, M)
  const gamma = uniform(C, random)
  const beta = uniform(C, random)
  const epsilon = 1e-12
  const twoBuffers = { buffers: [tokens('x', C), tokens('y', C)], input: 0, output: 1 }
  const rest = { batch: { offsets, rows }, denseOps: 0, ceiling: 'none' as const }
  if (only.includes('attention')) {
    const op: Op = {
      kind: 'attention',
      query: 0,
      key: 0,
      value: 0,
      output: 1,
      heads: C / headSize,
      headSize,
      distanceBias: null,
    }
    const ops = 4 * M * M * C
    yield {
      ...rest,
      op: 'attention',
      variant: `H = ${C / headSize}, D = ${headSize}`,
      program: { ...twoBuffers, ops: [op] },
      ops,
      ceiling: 'f32',
    }
  }
  if (only.includes('layernorm')) {
    const op: Op = { kind: 'layernorm', input: 0, residual: 0, output: 1, gamma, beta, epsilon }
    yield { ...rest, op: 'layernorm', variant: 'with residual', program: { ...twoBuffers, ops: [op] }, ops: 0 }
  }
  if (only.includes('embedding')) {
    const table = (count: number): { kind: 'f32'; rows: number; width: number; data: Float32Array } => ({
      kind: 'f32',
      rows: count,
      width: C,
      data: uniform(count * C, random),
    })
    const op: Op = {
      kind: 'embedding',
      word: table(VOCABULARY),
      position: table(512),
      type: table(2),
      gamma,
      beta,
      epsilon,
      output: 0,
    }
    const ids = Int32Array.from({ length: M }, () => Math.floor(random() * VOCABULARY))
    yield {
      ...rest,
      op: 'embedding',
      variant: 'f32 table',
      batch: { offsets, ids, types: new Int32Array(M) },
      program: { buffers: [tokens('y', C)], ops: [op], input: 'ids', output: 0 },
      ops: 0,
    }
  }
  if (only.includes('call')) {
    const op: Op = { kind: 'first-token', input: 0, output: 1 }
    const buffers: BufferSpec[] = [tokens('x', C), { name: 'y', rows: 'sequences', width: C, dtype: 'f32' }]
    yield {
      ...rest,
      op: 'call',
      variant: 'copies M rows in',
      program: { buffers, ops: [op], input: 0, output: 1 },
      ops: 0,
    }
  }
}
