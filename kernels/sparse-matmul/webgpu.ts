// Sparse linear layers on the GPU: rows in sliced ELLPACK (pack-sell.ts), whole tiles where the zeros are such
// (pack-tiles.ts), n:m values as [COLUMNS / 32][P][32 outputs].

import { bindVariants, type Offers } from '../webgpu/bind-variants.ts'
import type { KernelCall, Slot } from '../webgpu/call.ts'
import {
  columnsOf,
  columnStarts,
  linearDims,
  linearSlots,
  packColumns,
  weightsOf,
  type LinearSpec,
} from '../webgpu/linear.ts'
import type { Uploader } from '../webgpu/upload.ts'
import { TILE_OUTPUTS, type NmWeight } from '../program/weights.ts'
import { packSell, planSell, type RowsWeight } from './pack-sell.ts'
import { SPARSE_WEBGPU } from './variants.ts'
import { isTileSparse, listWords, packTileLists, packTiles, planTiles } from './pack-tiles.ts'

/** Outputs that share an index list of n:m weights. */
const NM_OUTPUTS = 32
/** Kept inputs that a thread of the tiled kernel multiplies in a step. */
const NM_STEP = 8

/** Bindings, in the order of the shaders, of a kernel for csr or, with scales of its rows, for int8 blocks. */
function rowsSlots(
  spec: LinearSpec<RowsWeight>,
  weight: GPUBuffer,
  lists: GPUBuffer,
  own: number[],
  uploader: Uploader,
): Slot[] {
  const isInt8 = spec.parts[0].weight.kind === 'int8-1x4'
  return [
    ...linearSlots(spec, { from: isInt8 ? 'bytes' : 'buffer', id: spec.input }, weight, lists),
    ...(isInt8 ? [{ from: 'scales', id: spec.input } as const] : []),
    { from: 'weight', buffer: uploader.dims([...linearDims(spec), ...own]) },
  ]
}

/** csr or int8 in 1x4 blocks, packed as their positions allow. */
export function rowsCall(spec: LinearSpec<RowsWeight>, offers: Offers, uploader: Uploader): KernelCall {
  return isInTiles(spec) ? tilesCall(spec, offers, uploader) : sellCall(spec, offers, uploader)
}

/** True where all weights are whole tiles, and are packed as such. */
export const isInTiles = ({ parts }: LinearSpec<RowsWeight>): boolean =>
  parts.every(({ weight }) => isTileSparse(weight))

function sellCall(spec: LinearSpec<RowsWeight>, offers: Offers, uploader: Uploader): KernelCall {
  const { columns } = columnStarts(spec.parts)
  const sell = planSell(spec.parts)
  const weight = uploader.packOnce(spec.label, 'entries', weightsOf(spec), sell.words * 4, (memory) =>
    packSell(new Uint32Array(memory), spec.parts, sell),
  )
  const lists = uploader.packOnce(spec.label, 'columns', columnsOf(spec), columns * 20, (memory) => {
    packColumns(memory, spec.parts)
    const byPlace = [sell.startOf, sell.pairsOf, sell.columnOf]
    byPlace.forEach((list, i) => new Uint32Array(memory, columns * (8 + 4 * i), columns).set(list))
  })
  const slots = rowsSlots(spec, weight, lists, [], uploader)
  const operands = spec.parts[0].weight.kind === 'csr' ? { slices: () => slots } : { 'int8-slices': () => slots }
  const variants = bindVariants(SPARSE_WEBGPU, { offers, size: { columns }, operands, columns })
  return { label: spec.label, rows: spec.rows, variants }
}

function tilesCall(spec: LinearSpec<RowsWeight>, offers: Offers, uploader: Uploader): KernelCall {
  const { columns } = columnStarts(spec.parts)
  const plan = planTiles(spec.parts)
  const weight = uploader.packOnce(
    spec.label,
    'tiles',
    weightsOf(spec),
    plan.tiles * plan.width * TILE_OUTPUTS * 4,
    (memory) => packTiles(new Uint32Array(memory), spec.parts, plan),
  )
  const lists = uploader.packOnce(
    spec.label,
    'columns',
    columnsOf(spec),
    columns * 8 + listWords(plan) * 4,
    (memory) => {
      packColumns(memory, spec.parts)
      packTileLists(new Uint32Array(memory, columns * 8), spec.parts, plan)
    },
  )
  const strips = plan.strips.length
  const slots = rowsSlots(spec, weight, lists, [strips], uploader)
  const operands = spec.parts[0].weight.kind === 'csr' ? { tiles: () => slots } : { 'int8-tiles': () => slots }
  const variants = bindVariants(SPARSE_WEBGPU, { offers, size: { columns: strips }, operands, columns: strips })
  return { label: spec.label, rows: spec.rows, variants }
}

export function nmCall(spec: LinearSpec<NmWeight>, offers: Offers, uploader: Uploader): KernelCall {
  const { n, m, K } = spec.parts[0].weight
  const kept = (K / m) * n
  // what fills the lists up repeats the last input, with the weight 0
  const P = Math.ceil(kept / NM_STEP) * NM_STEP
  for (const { weight } of spec.parts)
    if (weight.group !== NM_OUTPUTS)
      throw new Error(
        `${spec.label}: n:m weights share an index list among ${weight.group} outputs; the GPU kernels need 32`,
      )
  const { starts, columns } = columnStarts(spec.parts)
  const weight = uploader.packOnce(spec.label, 'values', weightsOf(spec), columns * P * 4, (memory) => {
    const packed = new Float32Array(memory)
    spec.parts.forEach(({ weight: { N, values } }, i) => {
      for (let o = 0; o < N; o++) {
        const column = starts[i] + o
        const at = Math.floor(column / NM_OUTPUTS) * P * NM_OUTPUTS + (column % NM_OUTPUTS)
        for (let p = 0; p < kept; p++) packed[at + p * NM_OUTPUTS] = values[o * kept + p]
      }
    })
  })
  const indices = uploader.packOnce(spec.label, 'indices', weightsOf(spec), (columns / NM_OUTPUTS) * P * 4, (memory) =>
    spec.parts.forEach(({ weight: { indices } }, i) => {
      const packed = new Uint32Array(memory, (starts[i] / NM_OUTPUTS) * P * 4)
      for (let list = 0; list < indices.length / kept; list++)
        for (let p = 0; p < P; p++) packed[list * P + p] = indices[list * kept + Math.min(p, kept - 1)]
    }),
  )
  const bias = uploader.packOnce(spec.label, 'bias', columnsOf(spec), columns * 4, (memory) =>
    packColumns(memory, spec.parts),
  )
  const slots: Slot[] = [
    ...linearSlots(spec, { from: 'buffer', id: spec.input }, weight, bias),
    { from: 'weight', buffer: indices },
    { from: 'weight', buffer: uploader.dims([...linearDims(spec), P]) },
  ]
  const variants = bindVariants(SPARSE_WEBGPU, { offers, size: { columns }, operands: { nm: () => slots }, columns })
  return { label: spec.label, rows: spec.rows, variants }
}
