// A variant is one way in which a backend computes an operation: one typed row of kernels/<op>/variants.ts. Everything
// that knows variants reads the rows: which of them a call may take, the start-up self-test, info(), the size of a
// dispatch, the code-generation test, the tuner and kernels/README.md. Nothing is read off a name.
//
// The words about a row are beside it in the same file, in `…_NOTES`: the compiler asks for a note for every id, and a
// bundle does not carry them.

import type { ShaderName, ShaderTraits } from '../generated/shaders.ts'
import type { Program } from './program.ts'

/** The operations that have a folder in kernels/. */
export type Operation =
  'dense-matmul' | 'int8-matmul' | 'sparse-matmul' | 'low-rank-linear' | 'embedding' | 'row-ops' | 'attention'

/** The words about a variant, for kernels/README.md. */
export interface VariantNote {
  /** what the engine or the adapter must offer, and which layers the variant can run */
  needs: string
  /** when it is faster than the others */
  wins: string
  /** chosen by itself somewhere; chosen in special cases or on request alone; kept to be read */
  status: 'default' | 'available' | 'teaching'
}

/** A note for every row, by its id. */
export type VariantNotes<R extends { id: string }> = Record<R['id'], VariantNote>

/** What every row says. */
export interface VariantRow {
  op: Operation
  /** unique among the rows of one operation and backend; info() and the tuner print it */
  id: string
}

/**
 * A program that a self-test runs against the float64 reference, and how far an output may be off: not at all, by the
 * reference's own bound, or by a share of the outputs' RMS.
 */
export interface ProofProgram {
  program: Program
  allowed: 'exact' | 'bound' | number
}

/** Makes the programs that prove a variant; called when the variant is first used on a device. */
export type Proof = () => ProofProgram[]

/**
 * A variant on WebGPU. What the shader's source says of itself (its `override` constants, whether it has
 * workgroup memory, which features it enables) must be said here as well: a row that disagrees does not compile.
 *
 * @typeParam Operands names of the lists of bindings that the operation's webgpu.ts makes
 * @typeParam Size what `tile`, `fits` and `rows` depend on: sizes of a layer
 */
export type WebgpuVariant<
  Operands extends string = string,
  Size = never,
  Cover extends WorkgroupCover = WorkgroupCover,
> = {
  [S in ShaderName]: WebgpuRow<S, Operands, Size, Cover>
}[ShaderName]

interface WebgpuRow<S extends ShaderName, Operands extends string, Size, Cover> extends VariantRow {
  backend: 'webgpu'
  shader: S
  /** values for the shader's `override` constants; its own default where one is left out */
  tile: Tile<ShaderTraits[S]['overrides'], Size>
  usesWorkgroupMemory: ShaderTraits[S]['usesWorkgroupMemory']
  /** features of WGSL that the shader enables, which the adapter must offer */
  features: ShaderTraits[S]['features']
  /** which of the operation's lists of bindings the shader takes */
  operands: Operands
  /** what one workgroup makes */
  covers: Cover
  /** the numbers of rows for which it is chosen: all where they are not given; the first row that takes a number has it */
  rows?: { readonly least?: number; readonly most?: number | ((size: Size) => number) }
  /** which layers it can run: all where it is not given */
  fits?: (size: Size) => boolean
  /** GPUAdapterInfo.vendor of the adapters that are offered it: all where they are not given; docs/gpu-isa.md says why */
  vendors?: readonly string[]
  /** reads what the call before it reads and does its work, so that this one may be left out */
  includesBefore?: true
  /** writes what the LayerNorm after it writes, so that this one may be left out */
  normalizes?: true
  /** f32 weights that the shader reads may be stored as halves (kernels/webgpu/half.ts) */
  mayHalveWeights?: true
  proof: Proof
}

/** No constants but the shader's own; none at all where it has none. */
type Tile<Constant extends string, Size> = [Constant] extends [never]
  ? Readonly<Record<string, never>>
  : { readonly [C in Constant]?: number | ((size: Size) => number) }

/** The part of an output that a workgroup makes; how many columns (or strips of them) there are is the call's to say. */
export type WorkgroupCover =
  /** columns x rows of the output */
  | { readonly columns: number; readonly rows: number }
  /** whole rows */
  | { readonly rows: number }
  /** one row, in a grid of two dimensions, since one holds 65535 */
  | { readonly row: 'grid' }
  /** so many tiles of so many queries of attention, for one head */
  | TilesCover

export interface TilesCover {
  readonly tiles: number
  readonly queries: number
}
