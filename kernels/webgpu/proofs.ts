// The programs that prove the variants of WebGPU: a row of variants.ts names one, and the start-up self-test
// (self-test.ts) runs it on the device before a shader is first used there.

import { roundToHalf } from './half.ts'
import type { Activation, Batch, Op, Program } from '../program/program.ts'
import type { ProofProgram } from '../program/variants.ts'
import { TILE_INPUTS, TILE_OUTPUTS, type LeafWeight } from '../program/weights.ts'

/** Error allowed of programs of two ops, as a share of the output's RMS: a flipped rounding of s8 passes on. */
const TWO_OPS = 2e-3
/** The same for two f32 factors, a hundred times what rounding comes to. */
const TWO_FACTORS = 1e-4
/** The same for products in f16, five times what 40 of them, rounded twice each, come to. */
const HALVES = 2e-2
/** Sizes off every tile: one row tile and a bit, one panel of outputs and a bit, inputs that need padding. */
const [M, N, K] = [70, 70, 40]
const OFFSETS = Int32Array.of(0, 1, 19, 33, M)

/** Numbers in [-1, 1) without a pattern that a wrong index could repeat; the same everywhere. */
function numbers(length: number, seed: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => ((Math.imul(i + seed * 977, 2654435761) >>> 8) % 20011) / 10005.5 - 1)
}

const s8 = (length: number, seed: number): Int8Array =>
  Int8Array.from(numbers(length, seed), (x) => Math.round(x * 127))

function linearProgram(weight: LeafWeight, activation: Activation = 'gelu'): Program {
  const { N, K } = weight
  const bias = numbers(N, 3)
  return {
    buffers: [
      { name: 'input', rows: 'tokens', width: K, dtype: 'f32' },
      { name: 'output', rows: 'tokens', width: N, dtype: 'f32' },
    ],
    ops: [{ kind: 'linear', input: 0, output: 1, weight, bias, activation, residual: null }],
    input: 0,
    output: 1,
  }
}

interface Pattern {
  rowOffsets: Uint32Array
  columns: Uint16Array
}

/** Rows that store the columns below `width` for which `isStored`. */
function patternOf(rows: number, width: number, isStored: (n: number, column: number) => boolean): Pattern {
  const rowOffsets = new Uint32Array(rows + 1)
  const columns: number[] = []
  for (let n = 0; n < rows; n++) {
    for (let c = 0; c < width; c++) if (isStored(n, c)) columns.push(c)
    rowOffsets[n + 1] = columns.length
  }
  return { rowOffsets, columns: Uint16Array.from(columns) }
}

/** Every third weight, or block of weights, of `width` columns; the first row has all, so that rows differ in length. */
const thirds = (width: number): Pattern => patternOf(N, width, (n, c) => n === 0 || (n + c) % 3 === 0)

/** Outputs and inputs of layers in whole tiles. */
const [TILED_N, TILED_K] = [5 * TILE_OUTPUTS, 20 * TILE_INPUTS]

/** Of five strips the first stores all 20 tiles, the others every second, third, fourth and none; `width` columns a tile. */
const tiles = (width: number): Pattern =>
  patternOf(TILED_N, 20 * width, (n, c) => {
    const strip = Math.floor(n / TILE_OUTPUTS)
    return strip < 4 && Math.floor(c / width) % (strip + 1) === 0
  })

const csr = (N: number, K: number, pattern: Pattern): LeafWeight => ({
  kind: 'csr',
  N,
  K,
  ...pattern,
  values: numbers(pattern.columns.length, 1),
})

const int8Blocks = (N: number, K: number, pattern: Pattern): LeafWeight => ({
  kind: 'int8-1x4',
  N,
  K,
  ...pattern,
  values: s8(pattern.columns.length * 4, 1),
  scales: numbers(N, 2).map((x) => 0.02 + x / 99),
})

function rowProgram(op: Op, width: number, rows: 'tokens' | 'sequences' = 'tokens'): Program {
  return {
    buffers: [
      { name: 'input', rows: 'tokens', width, dtype: 'f32' },
      { name: 'output', rows, width, dtype: 'f32' },
    ],
    ops: [op],
    input: op.kind === 'embedding' ? 'ids' : 0,
    output: 1,
  }
}

/** Alone, and with a bias for as many tokens as the batch has. */
const attention = (heads: number, headSize: number): ProofProgram[] =>
  [null, numbers(heads * (2 * M - 1), 10)].flatMap((distanceBias) =>
    within(
      'bound',
      rowProgram(
        { kind: 'attention', query: 0, key: 0, value: 0, output: 1, heads, headSize, distanceBias },
        heads * headSize,
      ),
    ),
  )

const table = (rows: number, seed: number) => ({ kind: 'f32' as const, rows, width: K, data: numbers(rows * K, seed) })

const int8 = (outputs = N): LeafWeight => ({
  kind: 'int8',
  N: outputs,
  K,
  data: s8(outputs * K, 1),
  scales: numbers(outputs, 2).map((x) => 0.02 + x / 99),
})

/** Inputs of -1 to 1 times weights of -2 to 2: one wrong product of a sum is no small share of it. */
const smallInt8 = (): LeafWeight => ({
  kind: 'int8',
  N: K,
  K: MATRIX_K,
  data: Int8Array.from(numbers(K * MATRIX_K, 1), (x) => Math.round(x * 2)),
  scales: new Float32Array(K).fill(1),
  activationScale: 1,
})

/** Five steps of 32 inputs: more than subgroups that share them. */
const MATRIX_K = 160

/** Bytes, scales of 1 and no epilogue: the outputs are the sums of integers themselves. */
function integerProgram(): Program {
  const K = MATRIX_K
  const weight: LeafWeight = { kind: 'int8', N, K, data: s8(N * K, 1), scales: new Float32Array(N).fill(1) }
  return {
    buffers: [
      { name: 'input', rows: 'tokens', width: K, dtype: 's8' },
      { name: 'output', rows: 'tokens', width: N, dtype: 'f32' },
    ],
    ops: [{ kind: 'linear', input: 0, output: 1, weight, bias: null, activation: 'none', residual: null }],
    input: 0,
    output: 1,
  }
}

/** Two chains of one input, of more than 64 ranks, whose outputs are added: both must be right. */
function chainProgram(): Program {
  const [R, width] = [70, 72]
  const widths = [K, R, width, R, width, width]
  const linear = (input: number, output: number, seed: number): Op => ({
    kind: 'linear',
    input,
    output,
    weight: { kind: 'f32', N: widths[output], K: widths[input], data: numbers(widths[output] * widths[input], seed) },
    bias: null,
    activation: 'none',
    residual: null,
  })
  const norm = { gamma: numbers(width, 4), beta: numbers(width, 5), epsilon: 1e-5 }
  return {
    buffers: widths.map((width, i) => ({ name: `rows ${i}`, rows: 'tokens', width, dtype: 'f32' })),
    ops: [
      linear(0, 1, 1),
      linear(1, 2, 2),
      linear(0, 3, 3),
      linear(3, 4, 6),
      { kind: 'layernorm', input: 2, residual: 4, output: 5, ...norm },
    ],
    input: 0,
    output: 5,
  }
}

/** The program with an int8 layer of that many outputs after it. */
function beforeInt8(program: Program, outputs: number): Program {
  const weight = int8(outputs)
  const [input, output] = [program.output, program.buffers.length]
  return {
    ...program,
    buffers: [...program.buffers, { name: 'after', rows: 'tokens', width: outputs, dtype: 'f32' }],
    ops: [...program.ops, { kind: 'linear', input, output, weight, bias: null, activation: 'none', residual: null }],
    output,
  }
}

const within = (allowed: ProofProgram['allowed'], ...programs: Program[]): ProofProgram[] =>
  programs.map((program) => ({ program, allowed }))

const denseProgram = (): Program => linearProgram({ kind: 'f32', N, K, data: numbers(N * K, 1) })

export const provesDense = (): ProofProgram[] => within('bound', denseProgram())

export const provesHalfProducts = (): ProofProgram[] => within(HALVES, denseProgram())

export const provesFactors = (): ProofProgram[] => within(TWO_FACTORS, chainProgram())

/** Of an int8 layer and of the quantization of its input. */
export const provesInt8 = (): ProofProgram[] => within('bound', linearProgram(int8()))

/** The integers themselves. */
export const provesMatrices = (): ProofProgram[] => within('exact', integerProgram())

const affine = () => ({ gamma: numbers(K, 4), beta: numbers(K, 5), epsilon: 1e-5 })

/** Of int8 layers that do the LayerNorm before them. */
export function provesNormBefore(): ProofProgram[] {
  const norm = { kind: 'layernorm' as const, ...affine() }
  const program = beforeInt8(rowProgram({ ...norm, input: 0, residual: null, output: 1 }, K), K)
  // the rows that the layer has normalised for others are in the result as well
  return within(TWO_OPS, {
    ...program,
    buffers: [...program.buffers, { name: 'sum', rows: 'tokens', width: K, dtype: 'f32' }],
    ops: [...program.ops, { ...norm, input: 2, residual: 1, output: 3 }],
    output: 3,
  })
}

/** Of int8 layers that do the LayerNorm after them. */
function normAfter(weight: LeafWeight): ProofProgram[] {
  const program = linearProgram(weight, 'none')
  program.buffers.push({ name: 'normalised', rows: 'tokens', width: K, dtype: 'f32' })
  program.ops.push({ kind: 'layernorm', input: 1, output: 2, residual: null, ...affine() })
  program.output = 2
  return within(TWO_OPS, program, beforeInt8(program, N))
}

export const provesNormAfter = (): ProofProgram[] => normAfter(int8(K))

export const provesNormAfterMatrices = (): ProofProgram[] => normAfter(smallInt8())

export const provesSlices = (): ProofProgram[] => within('bound', linearProgram(csr(N, K, thirds(K))))

export const provesInt8Slices = (): ProofProgram[] => within('bound', linearProgram(int8Blocks(N, K, thirds(K / 4))))

export const provesTiles = (): ProofProgram[] =>
  within('bound', linearProgram(csr(TILED_N, TILED_K, tiles(TILE_INPUTS))))

export const provesInt8Tiles = (): ProofProgram[] =>
  within('bound', linearProgram(int8Blocks(TILED_N, TILED_K, tiles(TILE_INPUTS / 4))))

export function provesNm(): ProofProgram[] {
  const P = K / 2
  const indices = Uint16Array.from({ length: 3 * P }, (_, i) => {
    const pair = Math.floor((i % P) / 2)
    return pair * 4 + ((pair + Math.floor(i / P)) % 2) + (i % 2) * 2
  })
  return within('bound', linearProgram({ kind: 'nm', N, K, n: 2, m: 4, group: 32, indices, values: numbers(N * P, 1) }))
}

/** The op alone, and with an int8 layer after it, so that the quantized rows it writes are proved as well. */
function andBeforeInt8(op: Op): ProofProgram[] {
  const program = rowProgram(op, K)
  return [...within('bound', program), ...within(TWO_OPS, beforeInt8(program, N))]
}

export const provesLayernorm = (): ProofProgram[] =>
  andBeforeInt8({ kind: 'layernorm', input: 0, residual: 0, output: 1, ...affine() })

export const provesEmbedding = (): ProofProgram[] =>
  andBeforeInt8({
    kind: 'embedding',
    word: table(M, 6),
    position: table(M, 7),
    type: table(2, 8),
    output: 1,
    ...affine(),
  })

export const provesAttention = (): ProofProgram[] => attention(2, 20)

/** Of a head larger than 64. */
export const provesWideHead = (): ProofProgram[] => attention(1, 72)

/** Of a head whose size is no multiple of 4. */
export const provesAnyHead = (): ProofProgram[] => attention(3, 5)

export const provesFirstToken = (): ProofProgram[] =>
  within('bound', rowProgram({ kind: 'first-token', input: 0, output: 1 }, K, 'sequences'))

export const provesMeanPool = (): ProofProgram[] =>
  within('bound', rowProgram({ kind: 'mean-pool', input: 0, output: 1, normalize: true }, K, 'sequences'))

/** A batch of 70 tokens in four sequences for a program of these. */
export function batchFor({ input, buffers }: Program): Batch {
  if (input !== 'ids') {
    const { width, dtype } = buffers[input]
    if (dtype === 's8')
      return { offsets: OFFSETS, rows: { data: s8(M * width, 9), scales: new Float32Array(M).fill(1) } }
    return { offsets: OFFSETS, rows: numbers(M * width, 9) }
  }
  const ids = Int32Array.from({ length: M }, (_, i) => (i * 37) % M)
  return { offsets: OFFSETS, ids, types: ids.map((id) => id % 2) }
}

/** The program with dense weights as a device has them that stores them in half precision. */
export const inHalf = (program: Program): Program => ({
  ...program,
  ops: program.ops.map((op) =>
    op.kind === 'linear' && op.weight.kind === 'f32'
      ? { ...op, weight: { ...op.weight, data: roundToHalf(op.weight.data) } }
      : op,
  ),
})
