// Start-up self-test: before a session uses a shader on a device for the first time, a small program that runs it is
// compared with the float64 reference. A wrong shader is demoted for that device, and a note says so.

import type { ShaderName } from '../generated/shaders.ts'
import type { KernelCall } from './call.ts'
import type { GpuContext } from './context.ts'
import { roundToHalf } from './half.ts'
import { ProgramSession } from './session.ts'
import { Uploader } from './upload.ts'
import type { Activation, Batch, Op, Program } from '../program/program.ts'
import { TILE_INPUTS, TILE_OUTPUTS, type LeafWeight } from '../program/weights.ts'
import { compileProgram } from './compile.ts'
import { referenceWithBounds } from '../reference.ts'

/** Errors up to this many times the room's own bound are rounding: adapters' exp and division differ by some ulp. */
const SLACK = 16
/** The same for programs of two ops, as a share of the output's RMS: a flipped rounding of s8 passes on. */
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

const attention = (heads: number, headSize: number): Program =>
  rowProgram({ kind: 'attention', query: 0, key: 0, value: 0, output: 1, heads, headSize }, heads * headSize)

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

/** Programs that run the kernel of that name; names end at the variant. */
function programsFor(kernel: string): Program[] {
  switch (kernel) {
    case 'dense-matmul':
      return [linearProgram({ kind: 'f32', N, K, data: numbers(N * K, 1) })]
    case 'low-rank-linear':
      return [chainProgram()]
    case 'int8-matmul':
    case 'quantize':
      return [linearProgram(int8())]
    case 'int8-matmul.norm': {
      const norm = { kind: 'layernorm' as const, gamma: numbers(K, 4), beta: numbers(K, 5), epsilon: 1e-5 }
      const program = beforeInt8(rowProgram({ ...norm, input: 0, residual: null, output: 1 }, K), K)
      // the rows that the layer has normalised for others are in the result as well
      return [
        {
          ...program,
          buffers: [...program.buffers, { name: 'sum', rows: 'tokens', width: K, dtype: 'f32' }],
          ops: [...program.ops, { ...norm, input: 2, residual: 1, output: 3 }],
          output: 3,
        },
      ]
    }
    case 'int8-matmul.whole-row-matrix':
    case 'int8-matmul.whole': {
      const norm = { gamma: numbers(K, 4), beta: numbers(K, 5), epsilon: 1e-5 }
      const weight = kernel === 'int8-matmul.whole' ? int8(K) : smallInt8()
      const program = linearProgram(weight, 'none')
      program.buffers.push({ name: 'normalised', rows: 'tokens', width: K, dtype: 'f32' })
      program.ops.push({ kind: 'layernorm', input: 1, output: 2, residual: null, ...norm })
      program.output = 2
      // and with an int8 layer after it, so that the quantized rows it writes are proved as well
      return [program, beforeInt8(program, N)]
    }
    case 'int8-matmul.matrix':
      return [integerProgram()]
    case 'sparse-matmul.sell':
      return [linearProgram(csr(N, K, thirds(K)))]
    case 'sparse-matmul.block':
      return [linearProgram(int8Blocks(N, K, thirds(K / 4)))]
    case 'sparse-matmul.tile-f32':
      return [linearProgram(csr(TILED_N, TILED_K, tiles(TILE_INPUTS)))]
    case 'sparse-matmul.tile-int8':
      return [linearProgram(int8Blocks(TILED_N, TILED_K, tiles(TILE_INPUTS / 4)))]
    case 'sparse-matmul.nm': {
      const P = K / 2
      const indices = Uint16Array.from({ length: 3 * P }, (_, i) => {
        const pair = Math.floor((i % P) / 2)
        return pair * 4 + ((pair + Math.floor(i / P)) % 2) + (i % 2) * 2
      })
      return [linearProgram({ kind: 'nm', N, K, n: 2, m: 4, group: 32, indices, values: numbers(N * P, 1) })]
    }
    case 'layernorm':
    case 'embedding': {
      const norm = { gamma: numbers(K, 4), beta: numbers(K, 5), epsilon: 1e-5, output: 1 }
      const op: Op =
        kernel === 'layernorm'
          ? { kind: 'layernorm', input: 0, residual: 0, ...norm }
          : { kind: 'embedding', word: table(M, 6), position: table(M, 7), type: table(2, 8), ...norm }
      // and with an int8 layer after it, so that the quantized rows it writes are proved as well
      const program = rowProgram(op, K)
      return [program, beforeInt8(program, N)]
    }
    case 'attention.naive':
      return [attention(3, 5)]
    case 'attention':
      return [attention(2, 20)]
    case 'first-token':
      return [rowProgram({ kind: 'first-token', input: 0, output: 1 }, K, 'sequences')]
    case 'mean-pool':
      return [rowProgram({ kind: 'mean-pool', input: 0, output: 1, normalize: true }, K, 'sequences')]
    default:
      throw new Error(`self-test: no program runs the shader ${kernel}`)
  }
}

function batchFor({ input, buffers }: Program): Batch {
  if (input !== 'ids') {
    const { width, dtype } = buffers[input]
    if (dtype === 's8')
      return { offsets: OFFSETS, rows: { data: s8(M * width, 9), scales: new Float32Array(M).fill(1) } }
    return { offsets: OFFSETS, rows: numbers(M * width, 9) }
  }
  const ids = Int32Array.from({ length: M }, (_, i) => (i * 37) % M)
  return { offsets: OFFSETS, ids, types: ids.map((id) => id % 2) }
}

const kernelOf = (shader: ShaderName): string =>
  shader === 'attention.naive' ? shader : shader.replace(/[.-](direct|tiled|slice|fused|row|half)$/, '')

/** What is wrong with a shader on this device, or null. */
async function faultOf(context: GpuContext, shader: ShaderName): Promise<string | null> {
  const programs = programsFor(kernelOf(shader))
  try {
    for (const program of programs) {
      const fault = await faultIn(context, shader, program)
      if (fault !== null) return fault
    }
    return null
  } catch (error) {
    context.check()
    return String(error)
  }
}

/** The program with dense weights as a device has them that stores them in half precision. */
const inHalf = (program: Program): Program => ({
  ...program,
  ops: program.ops.map((op) =>
    op.kind === 'linear' && op.weight.kind === 'f32'
      ? { ...op, weight: { ...op.weight, data: roundToHalf(op.weight.data) } }
      : op,
  ),
})

async function faultIn(context: GpuContext, shader: ShaderName, program: Program): Promise<string | null> {
  const batch = batchFor(program)
  const { values, bounds } = referenceWithBounds(context.precision !== 'f32' ? inHalf(program) : program, batch)
  const rms = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)
  const uploader = new Uploader(context.device, context.maxBindingBytes)
  try {
    const compiled = await compileProgram(program, uploader, context)
    // a shader may stand for several forms, such as tile heights: all are tried
    for (const form of compiled.calls.flatMap(({ forms }) => forms.filter((form) => form.shader === shader))) {
      const calls: KernelCall[] = compiled.calls.map((call) => ({
        ...call,
        forms: call.forms.includes(form) ? [{ ...form, minRows: undefined, maxRows: undefined }] : call.forms.slice(-1),
      }))
      const nothing = new Uploader(context.device, context.maxBindingBytes)
      const session = await ProgramSession.create(context, { ...compiled, calls }, nothing, {})
      const actual = await session.run(batch).finally(() => session.dispose())
      const isExact = program.buffers[0].dtype === 's8'
      const allowed = (i: number): number =>
        isExact
          ? 0
          : shader === 'dense-matmul.half'
            ? HALVES * rms
            : program.ops.length > 1
              ? (shader === 'low-rank-linear.fused' ? TWO_FACTORS : TWO_OPS) * rms
              : SLACK * bounds[i] + 1e-6 * rms
      const wrong = values.findIndex((value, i) => !(Math.abs(actual[i] - value) <= allowed(i)))
      if (wrong >= 0) return `element ${wrong} is ${actual[wrong]}, should be ${values[wrong]}`
    }
    return null
  } finally {
    uploader.dispose()
  }
}

/** Tests the shaders that the calls would use and have not been tested here; demotes the wrong ones. */
export async function selfTest(context: GpuContext, calls: KernelCall[]): Promise<void> {
  for (;;) {
    const names = new Set(calls.flatMap((call) => context.forms(call).map(({ shader }) => shader)))
    const untested = [...names].filter((shader) => !context.trusted.has(shader))
    if (untested.length === 0) return
    const faults = await Promise.all(untested.map((shader) => faultOf(context, shader)))
    for (const [i, shader] of untested.entries()) {
      const fault = faults[i]
      if (fault === null) context.trusted.add(shader)
      else {
        context.demoted.add(shader)
        context.notes.push(`${shader} failed its self-test and is not used: ${fault}`)
      }
    }
  }
}
