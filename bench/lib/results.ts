// The JSON that every bench writes, and its table on the terminal.

import type { Precision } from '../../kernels/webgpu/device.ts'
import { writeWhole } from '../../ts/io/folder.node.ts'
import type { Host } from './contender.ts'
import { describeEngine, describeMachine, type Engine, type Machine } from './machine.ts'

export const SCHEMA = 'compact-kernels/bench/1'

export interface Ceilings {
  threads: number
  /** f32 multiply-adds without and with relaxed SIMD, Gop/s (2 per multiply-add); 0 where the engine lacks them */
  f32MulAdd: number
  f32RelaxedMadd: number
  /** products of s8 by i32x4.dot_i16x8_s and by i32x4.relaxed_dot_i8x16_i7x16_add_s, Gop/s */
  int8DotI16: number
  int8RelaxedDot: number
  /** sequential read of 64 MB, GB/s */
  readGBs: number
}

export interface GpuCeilings {
  adapter: string
  software: boolean
  /** Gop/s, as all but the copies */
  f32Fma: number
  /** null where the adapter lacks shader-f16; not in older results */
  f16Fma?: number | null
  /** dot4I8Packed */
  int8Dot4: number
  /** null where the adapter multiplies no i8 matrices of 16 x 16 x 32 by subgroups of 32; not in older results */
  int8Matrix?: number | null
  copyGBs: number
}

/** Ceilings in one line; what was looked for and is not there is named so. */
export function gpuCeilingsText({
  adapter,
  software,
  f32Fma,
  f16Fma,
  int8Dot4,
  int8Matrix,
  copyGBs,
}: GpuCeilings): string {
  const rates = [
    `f32 fma ${short(f32Fma)}`,
    ...(f16Fma ? [`f16 fma ${short(f16Fma)}`] : []),
    `\`dot4I8Packed\` ${short(int8Dot4)}`,
    ...(int8Matrix ? [`i8 subgroup matrices ${short(int8Matrix)}`] : []),
  ]
  const absent = [
    ...(f16Fma === null ? ['f16 fma (the adapter has no shader-f16)'] : []),
    ...(int8Matrix === null ? ['i8 subgroup matrices (none of 16x16x32 into i32 by subgroups of 32)'] : []),
  ]
  return (
    `${adapter}${software ? ' (software: emulated on the CPU)' : ''}: ${rates.join(', ')} Gop/s; ` +
    `copy ${short(copyGBs)} GB/s${absent.length > 0 ? `; absent: ${absent.join(', ')}` : ''}`
  )
}

export interface ResultRow {
  engine: string
  engineVersion: string
  /** browser that it ran in; a process of its own where not given */
  host?: Exclude<Host, 'node'>
  /** model name, or the kernel of a one-op program */
  model: string
  variant: string
  device: 'cpu' | 'gpu'
  adapter?: string
  software?: boolean
  /** of our dense f32 layers on the GPU; not in older results */
  precision?: Precision
  threads: number
  batch: number
  /** of each sequence; 0 where texts of mixed length are run */
  tokens: number
  medianMs: number
  madMs: number
  p95Ms: number
  minMs: number
  /** CPU time of the process per run, all threads */
  cpuMs: number
  coldMs: number
  n: number
  disturbedBursts: number
  bursts: number
  noisy: boolean
  /** operations really done, 10^9 per second; a multiply-add is two */
  gops?: number
  /** break-even: the storage format, and the share of its dense multiply-adds that are left */
  form?: string
  density?: number
  /** as if the layer were dense */
  effectiveGops?: number
  /** gops as a share of the ceiling of its type, probed in the same run */
  ceilingShare?: number
  /** training: gops as a share of the f32 kernel's at the model's shapes, in the same run */
  kernelShare?: number
  /** training: share of the step's time that each kind of work has, its records run one by one */
  parts?: Record<string, { timeShare: number; gops?: number }>
  /** largest absolute difference from the float64 reference */
  maxError?: number
  /** share of sequences with the same label as the first contender of that variant */
  agreement?: number
  /** largest absolute difference of the logits from the first contender of that variant */
  maxDifference?: number
  /** times as fast as each peer by medians: on the same weights, and on the baseline's; and both by least times */
  ratios?: Record<
    string,
    { sameWeights?: number; baseline?: number; baselineMin?: number; /** texts alone */ sameWeightsMin?: number }
  >
  /** texts: 1 - cosine of a text's vector, from ours of the model as it is, one text a call, and from the same engine's with one text a call */
  distances?: Record<'f32' | 'alone', { mean: number; max: number }>
  /** texts: where the time of a text goes, least ms of a few passes */
  partsMs?: Record<string, number>
  /** GPU time of the kernels by timestamps */
  gpuMs?: number
  /** tape records or dispatches */
  calls?: number
  weightBytes?: number
  notes?: string[]
  samples?: { round: number; calibrationMs: number; cpuShare: number; samplesMs: number[] }[]
}

export interface BenchResult {
  schema: typeof SCHEMA
  bench: 'kernels' | 'models' | 'gpu' | 'train' | 'break-even' | 'texts'
  /** what to type to get this table again */
  command: string
  date: string
  machine: Machine
  engine: Engine
  ceilings: { cpu?: Ceilings; gpu?: GpuCeilings }
  rows: ResultRow[]
  notes: string[]
}

/** How a result of today on this machine begins. */
export const resultHead = (
  bench: BenchResult['bench'],
  command: string,
): Pick<BenchResult, 'schema' | 'bench' | 'command' | 'date' | 'machine' | 'engine'> => ({
  schema: SCHEMA,
  bench,
  command,
  date: new Date().toISOString(),
  machine: describeMachine(),
  engine: describeEngine(),
})

/** Writes the result whole or not at all. */
export async function writeResult(path: string, result: BenchResult): Promise<void> {
  // Eight digits say more than any clock here can.
  const text = JSON.stringify(
    result,
    (_, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(8)) : value),
    1,
  )
  const short = text.replace(/\[\s+([-\d.e+,\s]+?)\s+\]/g, (_, numbers: string) => `[${numbers.replace(/\s+/g, ' ')}]`)
  await writeWhole(path, [short, '\n'])
}

/** Columns aligned for a terminal: the first `left` ones to the left, the others to the right. */
export function formatTable(header: string[], rows: string[][], left = 1): string {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)))
  const line = (cells: string[]): string =>
    cells
      .map((cell, i) => (i < left ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join('  ')
      .trimEnd()
  return [line(header), widths.map((w) => '-'.repeat(w)).join('  '), ...rows.map(line)].join('\n')
}

/** Engine, version and, in a page, what kind. */
export const engineName = ({ engine, engineVersion, host }: ResultRow): string =>
  [engine, engineVersion, ...(host ? [`in ${host}`] : [])].join(' ')

/** Three significant digits, plain. */
export function short(value: number | undefined): string {
  if (value === undefined) return ''
  if (value === 0) return '0'
  if (!Number.isFinite(value)) return String(value)
  if (Math.abs(value) < 1e-3) return value.toExponential(1)
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  return value.toFixed(Math.min(digits, 4))
}

export function percent(share: number | undefined): string {
  return share === undefined ? '' : `${Math.round(share * 100)} %`
}
