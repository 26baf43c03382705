// The start-up self-test: every kernel of a build on small known operands against plain loops, through the very sessions
// that programs use. Operands of the linear kernels are small integers, whose results are exact in any order of sums.

import type { Session } from '../program/device.ts'
import type { Batch, Program } from '../program/program.ts'
import type { EmbeddingTable, LeafWeight } from '../program/weights.ts'

/** Relative to 1, for results of size about 1: far above rounding, far below any wrong instruction. */
const TOLERANCE = 1e-4
/** More rows than one tile, more outputs than one panel, and tails on both. */
const [M, N, K] = [7, 11, 12]

interface Case {
  kernel: string
  program: Program
  batch: Batch
  expected: ArrayLike<number>
}

/** Small integers that repeat only after a long time; -4..4. */
function small(count: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => ((i * 7 + ((i * i) % 13) + seed * 5) % 9) - 4)
}

/** Runs all cases; returns the names of the kernels whose result is wrong. */
export async function selfTest(load: (program: Program) => Promise<Session>): Promise<string[]> {
  const wrong = new Set<string>()
  for (const { kernel, program, batch, expected } of [...linearCases(), ...rowCases()]) {
    const session = await load(program)
    const actual = await session.run(batch)
    session.dispose()
    const isRight =
      actual.length === expected.length && actual.every((value, i) => Math.abs(value - expected[i]) <= TOLERANCE)
    if (!isRight) wrong.add(kernel)
  }
  return [...wrong]
}

function* linearCases(): Generator<Case> {
  const W = small(N * K, 1)
  // of every four inputs the first two are kept, so that W has every sparse form
  for (let i = 0; i < W.length; i++) if (i % 4 > 1) W[i] = 0
  const x = Float32Array.from(small(M * K, 2), Math.abs)
  const bias = small(N, 3)
  const sums = new Float64Array(M * N)
  for (let m = 0; m < M; m++)
    for (let n = 0; n < N; n++) {
      sums[m * N + n] = bias[n]
      for (let k = 0; k < K; k++) sums[m * N + n] += x[m * K + k] * W[n * K + k]
    }
  const ones = new Float32Array(N).fill(1)
  const kept = [...Array(K).keys()].filter((k) => k % 4 < 2)
  const rows = (per: number): Uint32Array => Uint32Array.from({ length: N + 1 }, (_, n) => n * per)
  const keptValues = W.filter((_, i) => i % 4 < 2)
  const forms: [string, LeafWeight][] = [
    ['dense-matmul', { kind: 'f32', N, K, data: W }],
    ['int8-matmul', { kind: 'int8', N, K, data: Int8Array.from(W), scales: ones }],
    [
      'sparse-matmul csr',
      {
        kind: 'csr',
        N,
        K,
        rowOffsets: rows(kept.length),
        columns: Uint16Array.from({ length: N * kept.length }, (_, i) => kept[i % kept.length]),
        values: keptValues,
      },
    ],
    [
      'sparse-matmul int8-1x4',
      {
        kind: 'int8-1x4',
        N,
        K,
        rowOffsets: rows(K / 4),
        columns: Uint16Array.from({ length: (N * K) / 4 }, (_, i) => i % (K / 4)),
        values: Int8Array.from(W),
        scales: ones,
      },
    ],
    [
      'sparse-matmul nm',
      { kind: 'nm', N, K, n: 2, m: 4, group: 32, indices: Uint16Array.from(kept), values: keptValues },
    ],
  ]
  for (const [kernel, weight] of forms) {
    const isInt8 = weight.kind === 'int8' || weight.kind === 'int8-1x4'
    yield {
      kernel,
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
        offsets: Int32Array.of(0, M),
        rows: isInt8 ? { data: Int8Array.from(x), scales: new Float32Array(M).fill(1) } : x,
      },
      expected: sums,
    }
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

function* rowCases(): Generator<Case> {
  const C = 12
  const x = small(M * C, 4).map((v) => v / 4)
  const offsets = Int32Array.of(0, 2, M)
  const gamma = new Float32Array(C).fill(1)
  const beta = new Float32Array(C)
  const rows = (name: string, perSequence = false): Program['buffers'][number] => ({
    name,
    rows: perSequence ? 'sequences' : 'tokens',
    width: C,
    dtype: 'f32',
  })
  const oneOp = (op: Program['ops'][number], perSequence = false): Program => ({
    buffers: [rows('x'), rows('y', perSequence)],
    ops: [op],
    input: 0,
    output: 1,
  })
  const batch = { offsets, rows: x }
  const layernorm = { kind: 'layernorm', input: 0, residual: null, output: 1, gamma, beta, epsilon: 1e-5 } as const
  yield { kernel: 'row-ops', program: oneOp(layernorm), batch, expected: normalized(x, C) }
  const means = new Float64Array(2 * C)
  x.forEach((v, i) => (means[(i < 2 * C ? 0 : C) + (i % C)] += v / (i < 2 * C ? 2 : M - 2)))
  const pool = { kind: 'mean-pool', input: 0, output: 1, normalize: false } as const
  yield { kernel: 'row-ops', program: oneOp(pool, true), batch, expected: means }
  const [heads, headSize] = [2, C / 2]
  const attention = { kind: 'attention', query: 0, key: 0, value: 0, output: 1, heads, headSize } as const
  yield { kernel: 'attention', program: oneOp(attention), batch, expected: attended(x, offsets, heads, headSize) }
  yield integerAttention()
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
  const embedding = { kind: 'embedding', word: bytes, position: table, type: table, gamma, beta } as const
  yield {
    kernel: 'embedding',
    program: { buffers: [rows('y')], ops: [{ ...embedding, epsilon: 1e-5, output: 0 }], input: 'ids', output: 0 },
    batch: { offsets, ids, types: new Int32Array(M) },
    expected: normalized(sums, C),
  }
}

/** Attention after an int8 layer. Its operands are 0 and 1, whose roundings are exact. */
function integerAttention(): Case {
  const [T, D] = [61, 8]
  const x = small(T * D, 6).map((v) => Number(v > 0))
  const one = Int8Array.from({ length: D * D }, (_, i) => (i % (D + 1) === 0 ? 1 : 0))
  const weight: LeafWeight = { kind: 'int8', N: D, K: D, data: one, scales: new Float32Array(D).fill(1) }
  const offsets = Int32Array.of(0, T)
  const rows = { rows: 'tokens', width: D } as const
  return {
    kernel: 'attention i16',
    program: {
      buffers: [
        { name: 'x', ...rows, dtype: 's8' },
        { name: 'same', ...rows, dtype: 'f32' },
        { name: 'y', ...rows, dtype: 'f32' },
      ],
      ops: [
        { kind: 'linear', input: 0, output: 1, weight, bias: null, activation: 'none', residual: null },
        { kind: 'attention', query: 1, key: 1, value: 1, output: 2, heads: 1, headSize: D },
      ],
      input: 0,
      output: 2,
    },
    batch: { offsets, rows: { data: Int8Array.from(x), scales: new Float32Array(T).fill(1) } },
    expected: attended(x, offsets, 1, D),
  }
}

function attended(x: Float32Array, offsets: Int32Array, H: number, D: number): Float64Array {
  const C = H * D
  const y = new Float64Array(x.length)
  for (let b = 0; b + 1 < offsets.length; b++)
    for (let h = 0; h < H; h++)
      for (let i = offsets[b]; i < offsets[b + 1]; i++) {
        let total = 0
        for (let j = offsets[b]; j < offsets[b + 1]; j++) {
          let score = 0
          for (let d = h * D; d < h * D + D; d++) score += x[i * C + d] * x[j * C + d]
          const weight = Math.exp(score / Math.sqrt(D))
          total += weight
          for (let d = h * D; d < h * D + D; d++) y[i * C + d] += weight * x[j * C + d]
        }
        for (let d = h * D; d < h * D + D; d++) y[i * C + d] /= total
      }
  return y
}
