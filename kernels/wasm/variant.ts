// A variant on WebAssembly is one typed row of kernels/<op>/variants.ts. Everything that knows variants reads the
// rows: which one a device takes, how weights are packed for it, the start-up self-test, info(), the exports and the
// dispatch in assembly/ (scripts/generate-assembly.ts), the code-generation test and kernels/README.md.

import type { VariantRow } from '../program/variants.ts'
import type { DotStrategy } from './abi.ts'
import { describeStrategy, type RelaxedDot } from './dot-strategy.ts'

/** What a device found out about the engine and the build that it runs. */
export interface Engine {
  /** the build has relaxed SIMD */
  isRelaxed: boolean
  /** the wide module runs, and the engine runs it in 256 bits */
  isWide: boolean
  /** what relaxed dot computes here; null where the build has none */
  relaxedDot: RelaxedDot | null
}

/** The cases of the self-test (self-test.ts), each of which proves variants on the engine at hand. */
export type ProofName =
  | 'dense-matmul'
  | 'int8-matmul'
  | 'sparse-matmul csr'
  | 'sparse-matmul csr, one row'
  | 'sparse-matmul int8-1x4'
  | 'sparse-matmul int8-1x4, one row'
  | 'sparse-matmul nm'
  | 'row-ops'
  | 'attention'
  | 'attention i16'
  | 'embedding'

/** The block of an output that the largest inner loop makes at once. */
export interface Tile {
  /** rows of the output; fewer rows have loops of their own */
  rows: number
  /** columns of the output, and of the panels that its weights are packed in */
  columns: 8 | 16
  /** steps along K that the inner loop takes in one turn */
  unrolled: number
}

export interface WasmVariant extends VariantRow {
  backend: 'wasm'
  /** file in assembly/lib, without its suffix, and what it exports; none where the operation's own file is all */
  source?: string
  exports: readonly string[]
  /** the inner loop of `exports.at(-1)` */
  tile?: Tile
  /** how it sums products of int8; none in f32 */
  dotStrategy?: DotStrategy | 'as int8-matmul'
  /** true where only the relaxed build has it */
  needsRelaxedSimd?: true
  /** of the wide module alone: no row of a page */
  isWide?: true
  /** true where a device takes it only when asked for it by id */
  onRequest?: true
  /** what the self-test runs before a device has it */
  proof: ProofName
  /** key of info().variants and what is said there; rows of one key are joined */
  shownAs?: { key: string; text: (engine: Engine, int8: Int8Variant) => string }
}

/** A variant that a device may take in the place of others of its operation: a tile of dense or int8 layers. */
export interface TileVariant extends WasmVariant {
  source: string
  tile: Tile
  /**
   * function of `source` that calls the export for so many rows, with the signature of tileF32 (assembly/lib/tile-f32.ts)
   * in dense-matmul and of tileInt8I16 (assembly/lib/tile-int8-i16.ts) in int8-matmul
   */
  run: string
  /** its number in records, from WIDE_TILE; none: the place of its source among those of its operation */
  number?: number
}

/** A tile of int8 layers. */
export interface Int8Variant extends TileVariant {
  dotStrategy: DotStrategy
}

/** The variants that a device took where there is a choice. */
export interface ChosenVariants {
  dense: TileVariant
  int8: Int8Variant
  /** sparse layers run as such whatever their density (store-dense.ts) */
  keepsSparse: boolean
}

/** `f32 6x8`, and how the build multiplies and adds. */
export function f32Text(words: string, { isRelaxed }: Engine): string {
  return `${words}, ${isRelaxed ? 'relaxed madd' : 'multiply and add'}`
}

/** `u8`, and why the engine has this dot strategy. */
export function int8Text(words: string, { relaxedDot }: Engine): string {
  return describeStrategy(words, relaxedDot)
}

/** The files that the tiles of an operation are in, those of the relaxed build first. */
export function tileSources(rows: readonly TileVariant[]): string[] {
  const first = [...rows].sort((a, b) => Number(b.needsRelaxedSimd ?? false) - Number(a.needsRelaxedSimd ?? false))
  return [...new Set(first.map(({ source }) => source))]
}

/** The number of a tile in records, among those of its operation. */
export function tileNumber({ number, source }: TileVariant, rows: readonly TileVariant[]): number {
  return number ?? tileSources(rows).indexOf(source)
}

/** Whether the engine runs a variant, exactly where it sums int8. */
export function isRunnable(row: WasmVariant, { isRelaxed, isWide, relaxedDot }: Engine): boolean {
  const { needsRelaxedSimd, dotStrategy } = row
  if ((needsRelaxedSimd && !isRelaxed) || (row.isWide && !isWide)) return false
  return dotStrategy === relaxedDot || (dotStrategy !== 'u8' && dotStrategy !== 's8')
}

/** The variants that a device may take by itself on this engine, in the order of preference. */
export function candidates<R extends WasmVariant>(rows: readonly R[], engine: Engine): R[] {
  return rows.filter((row) => !row.onRequest && isRunnable(row, engine))
}
