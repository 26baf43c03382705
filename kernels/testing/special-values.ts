// What every kernel makes of NaN, infinities, the largest numbers and the smallest: the table of docs/trust.md.

import type { Device } from '../program/device.ts'
import type { BufferSpec, Op, Program } from '../program/program.ts'
import { LARGEST_F32 } from '../program/quantization.ts'
import { referenceWithBounds } from '../reference.ts'
import { seededRandom, uniform } from './random.ts'
import { linearProgram } from './sweep.ts'
import { randomWeight } from './weights.ts'

const [N, K] = [32, 64]
/** Rows of a sequence; the middle one holds the value. */
const T = 3
/** Inputs of that row which hold it: one, and for sparse weights enough that each row of them reads one. */
const wrongInputs = (kernel: string): number => (/^(csr|nm|int8-1x4)/.test(kernel) ? 16 : 1)

export const VALUES: Readonly<Record<string, number>> = {
  NaN: NaN,
  infinity: Infinity,
  '-infinity': -Infinity,
  'largest f32': LARGEST_F32,
  'least subnormal': 2 ** -149,
  '-0': -0,
}

const rows = (name: string, width = K): BufferSpec => ({ name, rows: 'tokens', width, dtype: 'f32' })
const onRows = (op: Op, output = rows('output')): Program => ({
  buffers: [rows('input'), output],
  ops: [op],
  input: 0,
  output: 1,
})
const norm = { gamma: new Float32Array(K).fill(1), beta: new Float32Array(K), epsilon: 1e-5 }
const means: BufferSpec = { name: 'output', rows: 'sequences', width: K, dtype: 'f32' }

/** Every kernel that takes numbers; ids, masks and bytes cannot be wrong in this way. */
export const KERNELS: Readonly<Record<string, Program>> = {
  ...Object.fromEntries(
    (['none', 'gelu', 'tanh', 'relu', 'gelu_tanh', 'silu'] as const).map((activation) => [
      `f32, ${activation === 'none' ? 'no activation' : activation}`,
      linearProgram(randomWeight('f32', N, K, seededRandom(1)), null, { M: 1, N, K, activation }),
    ]),
  ),
  ...Object.fromEntries(
    (['int8', 'csr', 'int8-1x4', 'nm'] as const).map((kind) => [
      kind,
      linearProgram(randomWeight(kind, N, K, seededRandom(2), { density: 0.6 }), null, { M: 1, N, K }),
    ]),
  ),
  LayerNorm: onRows({ kind: 'layernorm', input: 0, residual: null, output: 1, ...norm }),
  attention: onRows({
    kind: 'attention',
    query: 0,
    key: 0,
    value: 0,
    output: 1,
    heads: 2,
    headSize: K / 2,
    distanceBias: null,
  }),
  mean: onRows({ kind: 'mean-pool', input: 0, output: 1, normalize: false }, means),
  'mean, normalised': onRows({ kind: 'mean-pool', input: 0, output: 1, normalize: true }, means),
}

const names = Object.keys(VALUES)

function batchOf(kernel: string): { offsets: Int32Array; rows: Float32Array } {
  const random = seededRandom(3)
  const numbers = uniform(names.length * T * K, random)
  names.forEach((name, i) => {
    const at = (i * T + 1) * K
    numbers.fill(VALUES[name], at, at + wrongInputs(kernel))
  })
  return { offsets: Int32Array.from({ length: names.length + 1 }, (_, i) => i * T), rows: numbers }
}

export interface Outcome {
  /** 'finite', 'NaN', 'infinite', 'NaN and infinite' */
  words: string
  /** for each output of the sequence */
  isFinite: boolean[]
}

/** What `y` holds in the sequence of each value. */
function outcomes(y: ArrayLike<number>): Outcome[] {
  const each = y.length / names.length
  return names.map((_, i) => {
    const part = Array.from({ length: each }, (__, at) => Math.fround(y[i * each + at]))
    const [isNaN, isInfinite] = [part.some(Number.isNaN), part.some((x) => Math.abs(x) === Infinity)]
    const words = isNaN && isInfinite ? 'NaN and infinite' : isNaN ? 'NaN' : isInfinite ? 'infinite' : 'finite'
    return { words, isFinite: part.map(Number.isFinite) }
  })
}

/** By kernel, in the order of VALUES. */
export type Outcomes = Record<string, Outcome[]>

/** The outcomes of a device, of all kernels or of some. */
export async function outcomesOn(device: Device, kernels = Object.keys(KERNELS)): Promise<Outcomes> {
  const found: Outcomes = {}
  for (const name of kernels) {
    const session = await device.load(KERNELS[name])
    found[name] = outcomes(await session.run(batchOf(name)))
    session.dispose()
  }
  return found
}

/** The same of the float64 reference, where nothing overflows. */
export const referenceOutcomes = (): Outcomes =>
  Object.fromEntries(
    Object.entries(KERNELS).map(([name, program]) => [
      name,
      outcomes(referenceWithBounds(program, batchOf(name)).values),
    ]),
  )

/** The table in Markdown, of outcomes by backend. */
export function valuesTable(backends: Record<string, Outcomes>, kernels = Object.keys(KERNELS)): string {
  const cell = (kernel: string, i: number): string => {
    const by = Object.entries(backends).map(([backend, found]) => [backend, found[kernel][i].words] as const)
    const all = new Set(by.map(([, outcome]) => outcome))
    return all.size === 1 ? [...all][0] : by.map(([backend, outcome]) => `${backend}: ${outcome}`).join('; ')
  }
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`
  return [
    line(['kernel', ...names]),
    line(['---', ...names.map(() => '---')]),
    ...kernels.map((kernel) => line([kernel, ...names.map((_, i) => cell(kernel, i))])),
  ].join('\n')
}
