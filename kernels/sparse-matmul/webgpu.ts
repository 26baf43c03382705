// Sparse linear layers on the GPU: rows in sliced ELLPACK (pack-sell.ts), whole tiles where the zeros are such
// (pack-tiles.ts), n:m values as [COLUMNS / 32][P][32 outputs].

import { FEW_ROWS } from '../dense-matmul/webgpu.ts'
import type { Form, KernelCall, Slot } from '../webgpu/call.ts'
import {
  columnStarts,
  cover,
  linearDims,
  linearSlots,
  packColumns,
  type LinearPart,
  type LinearSpec,
} from '../webgpu/linear.ts'
import type { Uploader } from '../webgpu/upload.ts'
import { TILE_OUTPUTS, type NmWeight } from '../program/weights.ts'
import { packSell, planSell, type RowsWeight } from './pack-sell.ts'
import { isTileSparse, listWords, packTileLists, packTiles, planTiles } from './pack-tiles.ts'

/** Outputs that share an index list of n:m weights. */
const NM_OUTPUTS = 32
/** Inputs that the tiled n:m kernel stages at once. */
const NM_TILE = 1024

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

/** csr or int8 in 1x4 blocks, in the form that their positions allow. */
export function rowsCall(spec: LinearSpec<RowsWeight>, uploader: Uploader): KernelCall {
  return spec.parts.every(({ weight }) => isTileSparse(weight)) ? tilesCall(spec, uploader) : sellCall(spec, uploader)
}

function sellCall(spec: LinearSpec<RowsWeight>, uploader: Uploader): KernelCall {
  const { columns } = columnStarts(spec.parts)
  const sell = planSell(spec.parts)
  const weight = uploader.pack(`${spec.label} entries`, sell.words * 4, (memory) =>
    packSell(new Uint32Array(memory), spec.parts, sell),
  )
  const lists = uploader.pack(`${spec.label} columns`, columns * 20, (memory) => {
    packColumns(memory, spec.parts)
    const byPlace = [sell.startOf, sell.pairsOf, sell.columnOf]
    byPlace.forEach((list, i) => new Uint32Array(memory, columns * (8 + 4 * i), columns).set(list))
  })
  const shared = { constants: {}, slots: rowsSlots(spec, weight, lists, [], uploader) }
  const kernel = spec.parts[0].weight.kind === 'csr' ? 'sparse-matmul.sell' : 'sparse-matmul.block'
  return {
    label: spec.label,
    rows: spec.rows,
    forms: [
      { shader: `${kernel}-tiled`, ...shared, workgroups: cover(columns, 256, 4) },
      { shader: `${kernel}-direct`, ...shared, workgroups: cover(columns, 32, 8) },
    ],
  }
}

/** Rows up to which one group of threads takes all tiles of 4 rows alone. */
const SINGLE_ROWS = 4
/** Workgroups of two subgroups that occupy a large machine. */
const FULL = 256

function tilesCall(spec: LinearSpec<RowsWeight>, uploader: Uploader): KernelCall {
  const { columns } = columnStarts(spec.parts)
  const plan = planTiles(spec.parts)
  const weight = uploader.pack(`${spec.label} tiles`, plan.tiles * plan.width * TILE_OUTPUTS * 4, (memory) =>
    packTiles(new Uint32Array(memory), spec.parts, plan),
  )
  const lists = uploader.pack(`${spec.label} columns`, columns * 8 + listWords(plan) * 4, (memory) => {
    packColumns(memory, spec.parts)
    packTileLists(new Uint32Array(memory, columns * 8), spec.parts, plan)
  })
  const strips = plan.strips.length
  const slots = rowsSlots(spec, weight, lists, [strips], uploader)
  const kernel = spec.parts[0].weight.kind === 'csr' ? 'sparse-matmul.tile-f32' : 'sparse-matmul.tile-int8'
  const tiled = (ROWS: number): Form => ({
    shader: `${kernel}-tiled`,
    constants: { ROWS },
    slots,
    workgroups: cover(strips, 1, ROWS),
  })
  // few rows are cut finer, up to as many as leave the machine room for more workgroups
  const mostCut = Math.max(FEW_ROWS, Math.floor((FULL - 1) / strips) * 64)
  return {
    label: spec.label,
    rows: spec.rows,
    forms: [
      { ...tiled(4), maxRows: SINGLE_ROWS },
      { ...tiled(16), maxRows: mostCut },
      tiled(64),
      { shader: `${kernel}-direct`, constants: {}, slots, workgroups: cover(strips, 2, 32) },
    ],
  }
}

export function nmCall(spec: LinearSpec<NmWeight>, uploader: Uploader): KernelCall {
  const { n, m, K } = spec.parts[0].weight
  const P = (K / m) * n
  for (const { weight } of spec.parts)
    if (weight.group !== NM_OUTPUTS)
      throw new Error(
        `${spec.label}: n:m weights share an index list among ${weight.group} outputs; the GPU kernels need 32`,
      )
  const { starts, columns } = columnStarts(spec.parts)
  const weight = uploader.pack(`${spec.label} values`, columns * P * 4, (memory) => {
    const packed = new Float32Array(memory)
    spec.parts.forEach(({ weight: { N, values } }, i) => {
      for (let o = 0; o < N; o++) {
        const column = starts[i] + o
        const at = Math.floor(column / NM_OUTPUTS) * P * NM_OUTPUTS + (column % NM_OUTPUTS)
        for (let p = 0; p < P; p++) packed[at + p * NM_OUTPUTS] = values[o * P + p]
      }
    })
  })
  const indices = uploader.pack(`${spec.label} indices`, (columns / NM_OUTPUTS) * P * 4, (memory) => {
    spec.parts.forEach(({ weight: { indices } }, i) =>
      new Uint32Array(memory, (starts[i] / NM_OUTPUTS) * P * 4, indices.length).set(indices),
    )
    fillUnusedLists(new Uint32Array(memory), spec.parts, starts, P, n, m)
  })
  const bias = uploader.pack(`${spec.label} bias`, columns * 4, (memory) => packColumns(memory, spec.parts))
  const tile = Math.floor(NM_TILE / m) * m
  const slots: Slot[] = [
    ...linearSlots(spec, { from: 'buffer', id: spec.input }, weight, bias),
    { from: 'weight', buffer: indices },
    { from: 'weight', buffer: uploader.dims([...linearDims(spec), P, tile, (tile / m) * n]) },
  ]
  const forms: Form[] = [
    { shader: 'sparse-matmul.nm-direct', constants: {}, slots, workgroups: cover(columns, 32, 32) },
  ]
  // a tile must hold whole groups of m
  if (tile > 0)
    forms.unshift({
      shader: 'sparse-matmul.nm-tiled',
      constants: {},
      slots,
      workgroups: cover(columns, 256, 4),
    })
  return { label: spec.label, rows: spec.rows, forms }
}

/** Lists of padding columns: any rising ones, so that the tiled kernel's offsets stay inside its tile. */
function fillUnusedLists(
  lists: Uint32Array,
  parts: LinearPart<NmWeight>[],
  starts: number[],
  P: number,
  n: number,
  m: number,
): void {
  parts.forEach(({ weight }, i) => {
    const used = starts[i] / NM_OUTPUTS + Math.ceil(weight.N / NM_OUTPUTS)
    const end = (i + 1 < parts.length ? starts[i + 1] : (lists.length / P) * NM_OUTPUTS) / NM_OUTPUTS
    for (let list = used; list < end; list++)
      for (let p = 0; p < P; p++) lists[list * P + p] = Math.floor(p / n) * m + (p % n)
  })
}
