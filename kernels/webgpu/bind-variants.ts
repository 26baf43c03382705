// From the rows of an operation's variants.ts to the variants of one call: those that the device offers and that fit the
// layer, with their bindings and the size of their dispatches.

import type { ShaderName, ShaderTraits } from '../generated/shaders.ts'
import type { WebgpuVariant, WorkgroupCover } from '../program/variants.ts'
import { rowGrid, type CallVariant, type Slot } from './call.ts'

/** What a device offers to shaders beside workgroup memory. */
export interface Offers {
  /** subgroups multiply int8 matrices, in one of the shapes of matrix-shape.ts */
  hasMatrices: boolean
  /** in the shape of 16 x 16 x 32, in which alone the kernel that owns whole rows is written */
  usesMatrices: boolean
  /** arithmetic in f16, where the caller allows it */
  halfProducts: boolean
  /** GPUAdapterInfo.vendor, which some variants are for */
  vendor: string
}

/** The offer that each feature that a shader enables is a part of. */
const OFFER_OF: Record<ShaderTraits[ShaderName]['features'][number], 'hasMatrices' | 'halfProducts'> = {
  f16: 'halfProducts',
  chromium_experimental_subgroup_matrix: 'hasMatrices',
  subgroups: 'hasMatrices',
}

export const isOffered = ({ features, vendors }: WebgpuVariant, offers: Offers): boolean =>
  features.every((feature) => offers[OFFER_OF[feature]]) && (vendors?.includes(offers.vendor) ?? true)

/** A call as its rows see it. */
export interface Bound<Operands extends string, Size, Cover extends WorkgroupCover> {
  offers: Offers
  /** what `fits` and the numbers of rows depend on */
  size: Size
  /** the bindings that this call has; rows that take others are left out */
  operands: { [O in Operands]?: (row: WebgpuVariant<Operands, Size, Cover>) => Slot[] }
  /** columns of the output (or strips, or heads), which workgroups share, and layers of equal width side by side */
  columns?: number
  layers?: number
}

/** The variants of a call, in the order of the rows. */
export function bindVariants<Operands extends string, Size, Cover extends WorkgroupCover = WorkgroupCover>(
  rows: readonly WebgpuVariant<Operands, Size, NoInfer<Cover>>[],
  { offers, size, operands, columns, layers }: Bound<Operands, Size, Cover>,
): CallVariant<WebgpuVariant>[] {
  return rows.flatMap((row): CallVariant<WebgpuVariant>[] => {
    const slots = operands[row.operands]
    if (!slots || !isOffered(row, offers) || row.fits?.(size) === false) return []
    const { least, most } = row.rows ?? {}
    return [
      {
        row,
        constants: constantsOf(row.tile, size),
        slots: slots(row),
        minRows: least,
        maxRows: typeof most === 'function' ? most(size) : most,
        workgroups: dispatchOf(row.covers, columns, layers),
      },
    ]
  })
}

function constantsOf<Size>(
  tile: Readonly<Record<string, number | ((size: Size) => number) | undefined>>,
  size: Size,
): Record<string, number> {
  const constants: Record<string, number> = {}
  for (const [name, value] of Object.entries(tile))
    if (value !== undefined) constants[name] = typeof value === 'function' ? value(size) : value
  return constants
}

/** Apart from what binds weights: closures made there would hold them for a session's life. */
function dispatchOf(covers: WorkgroupCover, columns = 1, layers = 1): CallVariant['workgroups'] {
  if ('row' in covers) return ({ rows }) => rowGrid(rows)
  if ('tiles' in covers) return ({ tiles }) => [Math.ceil(tiles(covers.queries) / covers.tiles), columns, 1]
  if (!('columns' in covers)) return ({ rows }) => [Math.ceil(rows / covers.rows), 1, 1]
  const across = Math.ceil(columns / covers.columns)
  return ({ rows }) => [across, Math.ceil(rows / covers.rows), layers]
}
