// What an operation hands to the session: one kernel call, as variants to choose from by the number of rows, with what
// each binding holds. Activations: f32 rows padded to ROW_PADDING elements, s8 rows likewise, padding always 0.

import type { BufferId, BufferSpec } from '../program/program.ts'
import type { WebgpuVariant } from '../program/variants.ts'

/** Elements to which rows of activations are padded: four vec4<f32>, or one vec4<u32> of s8. */
export const ROW_PADDING = 16

export const padded = (width: number): number => Math.ceil(width / ROW_PADDING) * ROW_PADDING

/** gamma, then beta, each padded with 0: the padding of a row comes out as 0. */
export function packNorm(memory: ArrayBuffer, gamma: Float32Array, beta: Float32Array, offset = 0): void {
  new Float32Array(memory, offset).set(gamma)
  new Float32Array(memory, offset + padded(gamma.length) * 4).set(beta)
}

/** Contents of one binding; null where a shader leaves the number out. */
export type Slot =
  | { from: 'shape'; rows: BufferSpec['rows'] }
  | { from: 'offsets' }
  | { from: 'tokens' }
  /** word rows that the host gathered */
  | { from: 'gathered' }
  /** attention's work list, up to `queries` of one sequence each */
  | { from: 'tiles'; queries: number }
  | { from: 'weight'; buffer: GPUBuffer }
  | { from: 'buffer'; id: BufferId }
  /** the s8 bytes of a buffer and their scales: an s8 buffer's own, or an f32 buffer's quantized copy */
  | { from: 'bytes'; id: BufferId }
  | { from: 'scales'; id: BufferId }
  /** a small buffer that no kernel reads, where a shader's output is not wanted */
  | { from: 'unused'; index: 0 | 1 | 2 }
  | null

/** What the size of a dispatch depends on. */
export interface Grid {
  /** M or B, as the call's rows say */
  rows: number
  /** attention tiles of that many queries */
  tiles(queries: number): number
}

/** What choosing and running a variant needs of its row. */
export type ShaderUse = Pick<
  WebgpuVariant,
  'shader' | 'usesWorkgroupMemory' | 'includesBefore' | 'normalizes' | 'mayHalveWeights'
>

/** A row of variants.ts, bound to one call. */
export interface CallVariant<R extends ShaderUse = ShaderUse> {
  row: R
  /** values of the shader's `override` constants: the row's own, and those that depend on the layer */
  constants: Record<string, number>
  slots: Slot[]
  /** least and most rows it is chosen for; none means any */
  minRows?: number
  maxRows?: number
  workgroups(grid: Grid): [number, number, number]
}

export interface KernelCall<R extends ShaderUse = WebgpuVariant> {
  /** the op in words, for errors and traces */
  label: string
  rows: BufferSpec['rows']
  /** a call may have the indices of all calls that read what it writes: left out where they do its work themselves */
  readers?: number[]
  /** a LayerNorm may have the index of the call whose output it alone reads: left out where that one normalises */
  writer?: number
  /**
   * What a timed choice among the variants depends on beside the device, and the buffers that the call writes, with the
   * one that variants which normalise write instead; for linear layers.
   */
  tuning?: { shape: string; outputs: BufferId[]; normalized?: BufferId }
  /** in order of preference; the last takes any rows and needs no workgroup memory */
  variants: CallVariant<R>[]
}

/** The rows that share a timed choice: up to this power of two. */
export const rowClass = (rows: number): number => 2 ** Math.ceil(Math.log2(Math.max(rows, 16)))

/** The variant that is taken for so many rows where none was timed. */
export const defaultVariant = <V extends CallVariant>(variants: V[], rows: number): V =>
  variants.find(({ minRows = 0, maxRows = Infinity }) => rows >= minRows && rows <= maxRows)!

/** The variant of a call for so many rows, as timed or by default. */
export const chosenVariant = <V extends CallVariant>(
  { variants, tuned }: { variants: V[]; tuned?: ReadonlyMap<number, V | null> },
  rows: number,
): V => tuned?.get(rowClass(rows)) ?? defaultVariant(variants, rows)

/** The variant of each call for its number of rows; null for calls left out. */
export function chooseVariants<V extends CallVariant>(
  calls: (Pick<KernelCall, 'rows' | 'readers' | 'writer'> & {
    variants: V[]
    tuned?: ReadonlyMap<number, V | null>
  })[],
  rowsOf: Record<KernelCall['rows'], number>,
): (V | null)[] {
  const chosen = calls.map((call) => chosenVariant(call, rowsOf[call.rows]))
  return chosen.map((variant, i) => {
    const { readers, writer } = calls[i]
    if (writer !== undefined && chosen[writer].row.normalizes) return null
    return readers?.every((reader) => chosen[reader].row.includesBefore) ? null : variant
  })
}

const ROWS_PER_GRID_LINE = 32768

/** One workgroup per row as a grid, since a dimension holds 65535; the shaders' GRID. */
export const rowGrid = (rows: number): [number, number, number] => [
  Math.min(rows, ROWS_PER_GRID_LINE),
  Math.ceil(rows / ROWS_PER_GRID_LINE),
  1,
]
