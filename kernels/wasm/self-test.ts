// The start-up self-test: the cases that prove the variants of a build, on small known operands against plain loops,
// through the very sessions that programs use. Operands of the linear kernels are small integers, whose results are exact in any order of sums.

import type { Session } from '../program/device.ts'
import type { Batch, BufferSpec, Program } from '../program/program.ts'
import type { EmbeddingTable, LeafWeight } from '../program/weights.ts'
import type { ProofName } from './variant.ts'

/** Relative to 1, for results of size about 1: far above rounding, far below any wrong instruction. */
const TOLERANCE = 1e-4
/** More rows than one tile, more outputs than one panel of 8 or 16, and tails on both. */
const [M, N, K] = [7, 19, 12]

interface Case {
  program: Program
  batch: Batch
  expected: ArrayLike<number>
}

const CASES: Record<ProofName, () => Case[]> = {
  'dense-matmul': () => [linearCase('f32', M)],
  'int8-matmul': () => [linearCase('int8', M)],
  'sparse-matmul csr': () => [linearCase('csr', M)],
  'sparse-matmul csr, one row': () => [linearCase('csr', 1)],
  'sparse-matmul int8-1x4': () => [linearCase('int8-1x4', M)],
  'sparse-matmul int8-1x4, one row': () => [linearCase('int8-1x4', 1)],
  // tiles of 4, of 5 and of 6 rows
  'sparse-matmul nm': () => [linearCase('nm', M), linearCase('nm', 32)],
  'row-ops': rowCases,
  attention: attentionCases,
  'attention i16': () => [integerAttention()],
  embedding: embeddingCases,
}

/** Small integers that repeat only after a long time; -4..4. */
function small(count: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => ((i * 7 + ((i * i) % 13) + seed * 5) % 9) - 4)
}

/** Runs the cases of the given proofs; returns those whose result is wrong. */
export async function selfTest(
  load: (program: Program) => Promise<Session>,
  proofs: Iterable<ProofName>,
): Promise<ProofName[]> {
  const wrong = new Set<ProofName>()
  for (const proof of new Set(proofs))
    for (const { program, batch, expected } of CASES[proof]()) {
      const session = await load(program)
      const actual = await session.run(batch)
      session.dispose()
      const isRight =
        actual.length === expected.length && actual.every((value, i) => Math.abs(value - expected[i]) <= TOLERANCE)
      if (!isRight) wrong.add(proof)
    }
  return [...wrong]
}

/** W [N, K] of small integers. Of every four inputs the first two are kept, so that W has every sparse format. */
function smallWeight(kind: LeafWeight['kind']): { W: Float32Array; weight: LeafWeight } {
  const W = small(N * K, 1)
  for (let i = 0; i < W.length; i++) if (i % 4 > 1) W[i] = 0
  const ones = new Float32Array(N).fill(1)
  const kept = [...Array(K).keys()].filter((k) => k % 4 < 2)
  const rowOffsets = (per: number): Uint32Array => Uint32Array.from({ length: N + 1 }, (_, n) => n * per)
  const columns = (per: number, of: (i: number) => number): Uint16Array =>
    Uint16Array.from({ length: N * per }, (_, i) => of(i % per))
  const values = W.filter((_, i) => i % 4 < 2)
  const made = (): LeafWeight => {
    switch (kind) {
      case 'f32':
        return { kind, N, K, data: W }
      case 'int8':
        return { kind, N, K, data: Int8Array.from(W), scales: ones }
      case 'csr':
        return {
          kind,
          N,
          K,
          rowOffsets: rowOffsets(kept.length),
          columns: columns(kept.length, (i) => kept[i]),
          values,
        }
      case 'int8-1x4': {
        const blocks = { rowOffsets: rowOffsets(K / 4), columns: columns(K / 4, (i) => i) }
        return { kind, N, K, ...blocks, values: Int8Array.from(W), scales: ones }
      }
      case 'nm':
        return { kind, N, K, n: 2, m: 4, group: 32, indices: Uint16Array.from(kept), values }
    }
  }
  return { W, weight: made() }
}

function linearCase(kind: LeafWeight['kind'], rows: number): Case {
  const { W, weight } = smallWeight(kind)
  const x = Float32Array.from(small(rows * K, 2), Math.abs)
  const bias = small(N, 3)
  const expected = Float64Array.from({ length: rows * N }, (_, i) => {
    const [m, n] = [Math.floor(i / N), i % N]
    let sum = bias[n]
    for (let k = 0; k < K; k++) sum += x[m * K + k] * W[n * K + k]
    return sum
  })
  const isInt8 = kind === 'int8' || kind === 'int8-1x4'
  return {
    program: {
      buffers: [
        { name: 'x', rows: 'tokens', width: K, dtype: isInt8 ? 's8' : 'f32' },
        { name: 'y', rows: 'tokens', width: N, dtype: 'f32' },
      ],
      ops: [{ kind: 'linear', input: 0, output: 1, weight, bias, activation: 'none', residual: null }],
      input: 0,
      output: 1,
    },
    batch: {
      offsets: Int32Array.of(0, rows),
      rows: isInt8 ? { data: Int8Array.from(x), scales: new Float32Array(rows).fill(1) } : x,
    },
    expected,
  }
}

function normalized(x: ArrayLike<number>, width: number): Float64Array {
  const y = Float64Array.from(x)
  for (let at = 0; at < y.length; at += width) {
    const row = y.subarray(at, at + width)
    const mean = row.reduce((a, v) => a + v, 0) / width
    const variance = row.reduce((a, v) => a + (v - mean) ** 2, 0) / width
    row.forEach((v, i) => (row[i] = (v - mean) / Math.sqrt(variance + 1e-5)))
  }
  return y
}

const C = 12
const OFFSETS = Int32Array.of(0, 2, M)
const GAMMA = new Float32Array(C).fill(1)
const BETA = new Float32Array(C)

const smallRows = (): Float32Array => small(M * C, 4).map((v) => v / 4)

const rowsOf = (name: string, rows: 'tokens' | 'sequences' = 'tokens', width = C): BufferSpec => {
  return { name, rows, width, dtype: 'f32' }
}

function oneOp(op: Program['ops'][number], rows: 'tokens' | 'sequences' = 'tokens', width = C): Program {
  return { buffers: [rowsOf('x', 'tokens', width), rowsOf('y', rows, width)], ops: [op], input: 0, output: 1 }
}

function rowCases(): Case[] {
  const x = smallRows()
  const batch = { offsets: OFFSETS, rows: x }
  const norm = { gamma: GAMMA, beta: BETA, epsilon: 1e-5 }
  const layernorm = { kind: 'layernorm', input: 0, residual: null, output: 1, ...norm } as const
  const pool = { kind: 'mean-pool', input: 0, output: 1, normalize: false } as const
  const means = new Float64Array(2 * C)
  x.forEach((v, i) => (means[(i < 2 * C ? 0 : C) + (i % C)] += v / (i < 2 * C ? 2 : M - 2)))
  return [
    { program: oneOp(layernorm), batch, expected: normalized(x, C) },
    { program: oneOp(pool, 'sequences'), batch, expected: means },
  ]
}

/** Sequences of less and of more keys than a tile, heads of less columns and of as many. */
function attentionCases(): Case[] {
  return [
    { offsets: OFFSETS, headSize: C / 2 },
    { offsets: Int32Array.of(0, 19), headSize: 16 },
  ].flatMap(({ offsets, headSize }) => {
    const heads = 2
    const tokens = offsets[offsets.length - 1]
    const x = small(tokens * heads * headSize, 4).map((v) => v / 4)
    const self = { kind: 'attention', query: 0, key: 0, value: 0, output: 1, heads, headSize } as const
    return [null, small(heads * (2 * tokens - 1), 5)].map((distanceBias) => ({
      program: oneOp({ ...self, distanceBias }, 'tokens', heads * headSize),
      batch: { offsets, rows: x },
      expected: attended(x, offsets, heads, headSize, distanceBias),
    }))
  })
}

function embeddingCases(): Case[] {
  const x = smallRows()
  const table: EmbeddingTable = { kind: 'f32', rows: M, width: C, data: x }
  const bytes: EmbeddingTable = {
    kind: 'int8',
    rows: M,
    width: C,
    data: Uint8Array.from(x, (v) => v * 4 + 4),
    scales: new Float32Array(M).fill(0.25),
    offsets: new Float32Array(M).fill(-1),
  }
  const ids = Int32Array.from({ length: M }, (_, m) => (m * 3) % M)
  const sums = Float64Array.from(x, (_, i) => {
    const [m, c] = [Math.floor(i / C), i % C]
    return x[ids[m] * C + c] + x[(m < 2 ? m : m - 2) * C + c] + x[c]
  })
  const embedding = { kind: 'embedding', word: bytes, position: table, type: table, gamma: GAMMA, beta: BETA } as const
  return [
    {
      program: { buffers: [rowsOf('y')], ops: [{ ...embedding, epsilon: 1e-5, output: 0 }], input: 'ids', output: 0 },
      batch: { offsets: OFFSETS, ids, types: new Int32Array(M) },
      expected: normalized(sums, C),
    },
  ]
}

/** Attention after an int8 layer. Its operands are 0 and 1, whose roundings are exact. */
function integerAttention(): Case {
  const [T, D] = [61, 16]
  const x = small(T * D, 6).map((v) => Number(v > 0))
  const one = Int8Array.from({ length: D * D }, (_, i) => (i % (D + 1) === 0 ? 1 : 0))
  const weight: LeafWeight = { kind: 'int8', N: D, K: D, data: one, scales: new Float32Array(D).fill(1) }
  const offsets = Int32Array.of(0, T)
  const rows = { rows: 'tokens', width: D } as const
  return {
    program: {
      buffers: [
        { name: 'x', ...rows, dtype: 's8' },
        { name: 'same', ...rows, dtype: 'f32' },
        { name: 'y', ...rows, dtype: 'f32' },
      ],
      ops: [
        { kind: 'linear', input: 0, output: 1, weight, bias: null, activation: 'none', residual: null },
        { kind: 'attention', query: 1, key: 1, value: 1, output: 2, heads: 1, headSize: D, distanceBias: null },
      ],
      input: 0,
      output: 2,
    },
    batch: { offsets, rows: { data: Int8Array.from(x), scales: new Float32Array(T).fill(1) } },
    expected: attended(x, offsets, 1, D),
  }
}

/** @param bias [H, 2 P - 1] for sequences of up to P tokens */
function attended(
  x: Float32Array,
  offsets: Int32Array,
  H: number,
  D: number,
  bias: Float32Array | null = null,
): Float64Array {
  const C = H * D
  const distances = bias ? bias.length / H : 0
  const y = new Float64Array(x.length)
  for (let b = 0; b + 1 < offsets.length; b++)
    for (let h = 0; h < H; h++)
      for (let i = offsets[b]; i < offsets[b + 1]; i++) {
        let total = 0
        for (let j = offsets[b]; j < offsets[b + 1]; j++) {
          let score = 0
          for (let d = h * D; d < h * D + D; d++) score += x[i * C + d] * x[j * C + d]
          const added = bias ? bias[h * distances + j - i + (distances - 1) / 2] : 0
          const weight = Math.exp(score / Math.sqrt(D) + added)
          total += weight
          for (let d = h * D; d < h * D + D; d++) y[i * C + d] += weight * x[j * C + d]
        }
        for (let d = h * D; d < h * D + D; d++) y[i * C + d] /= total
      }
  return y
}
