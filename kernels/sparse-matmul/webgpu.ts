// Sparse linear layers on the GPU.
//
// Entries of csr and 1x4 blocks stand in slices of 32 outputs, as long as the longest of them: entry t of output n at
// start[n] + 32 t, so that neighbouring threads read neighbouring entries. n:m values: [COLUMNS / 32][P][32 outputs].

import type { Form, KernelCall, Slot } from '../runtime/gpu/call.ts'
import {
  columnStarts,
  cover,
  linearDims,
  linearSlots,
  packColumns,
  type LinearPart,
  type LinearSpec,
} from '../runtime/gpu/linear.ts'
import type { Uploader } from '../runtime/gpu/upload.ts'
import type { CsrWeight, Int8BlockWeight, NmWeight } from '../runtime/weights.ts'

type RowsWeight = CsrWeight | Int8BlockWeight

/** Outputs per slice of entries. */
const SLICE = 32
/** Inputs that the tiled n:m kernel stages at once. */
const NM_TILE = 1024

/** First entry of each column's slice, and the number of entries with padding. */
function slices(parts: LinearPart<RowsWeight>[]): { first: Uint32Array; entries: number } {
  const { starts, columns } = columnStarts(parts)
  const first = new Uint32Array(columns / SLICE)
  let entries = 0
  for (let slice = 0; slice < first.length; slice++) {
    first[slice] = entries
    const part = parts.findLastIndex((_, i) => starts[i] <= slice * SLICE)
    const { N, rowOffsets } = parts[part].weight
    const from = slice * SLICE - starts[part]
    let longest = 0
    for (let n = from; n < Math.min(N, from + SLICE); n++)
      longest = Math.max(longest, rowOffsets[n + 1] - rowOffsets[n])
    entries += longest * SLICE
  }
  return { first, entries }
}

/** Entries as pairs of words: column (of x, or of blocks), then the f32's bits or 4 s8. */
function packEntries(memory: ArrayBuffer, parts: LinearPart<RowsWeight>[], first: Uint32Array): void {
  const packed = new Uint32Array(memory)
  const { starts } = columnStarts(parts)
  parts.forEach(({ weight }, i) => {
    const { values } = weight
    const bytes = values.byteOffset % 4 === 0 ? values : values.slice()
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, weight.columns.length)
    for (let n = 0; n < weight.N; n++) {
      const column = starts[i] + n
      let at = (first[Math.floor(column / SLICE)] + (column % SLICE)) * 2
      for (let z = weight.rowOffsets[n]; z < weight.rowOffsets[n + 1]; z++, at += SLICE * 2) {
        packed[at] = weight.columns[z]
        packed[at + 1] = words[z]
      }
    }
  })
}

export function rowsCall(spec: LinearSpec<RowsWeight>, uploader: Uploader): KernelCall {
  const { starts, columns } = columnStarts(spec.parts)
  const { first, entries } = slices(spec.parts)
  const weight = uploader.pack(`${spec.label} entries`, entries * 8, (memory) => packEntries(memory, spec.parts, first))
  const lists = uploader.pack(`${spec.label} columns`, columns * 16, (memory) => {
    packColumns(memory, spec.parts)
    const startOf = new Uint32Array(memory, columns * 8, columns)
    const countOf = new Uint32Array(memory, columns * 12, columns)
    for (let c = 0; c < columns; c++) startOf[c] = first[Math.floor(c / SLICE)] + (c % SLICE)
    spec.parts.forEach(({ weight: { N, rowOffsets } }, i) => {
      for (let n = 0; n < N; n++) countOf[starts[i] + n] = rowOffsets[n + 1] - rowOffsets[n]
    })
  })
  const isBlock = spec.parts[0].weight.kind === 'int8-1x4'
  const slots = linearSlots(spec, { from: isBlock ? 'bytes' : 'buffer', id: spec.input }, weight, lists)
  if (isBlock) slots.push({ from: 'scales', id: spec.input })
  slots.push({ from: 'weight', buffer: uploader.dims(linearDims(spec)) })
  const shared = { constants: {}, slots }
  const kernel = isBlock ? 'sparse-matmul.block' : 'sparse-matmul.csr'
  return {
    label: spec.label,
    rows: spec.rows,
    forms: [
      { shader: `${kernel}-tiled`, ...shared, workgroups: cover(columns, 256, 4) },
      { shader: `${kernel}-direct`, ...shared, workgroups: cover(columns, 32, 8) },
    ],
  }
}

export function nmCall(spec: LinearSpec<NmWeight>, uploader: Uploader): KernelCall {
  const { n, m, K } = spec.parts[0].weight
  const P = (K / m) * n
  for (const { weight } of spec.parts)
    if (weight.group !== SLICE)
      throw new Error(
        `${spec.label}: n:m weights share an index list among ${weight.group} outputs; the GPU kernels need 32`,
      )
  const { starts, columns } = columnStarts(spec.parts)
  const weight = uploader.pack(`${spec.label} values`, columns * P * 4, (memory) => {
    const packed = new Float32Array(memory)
    spec.parts.forEach(({ weight: { N, values } }, i) => {
      for (let o = 0; o < N; o++) {
        const column = starts[i] + o
        const at = Math.floor(column / SLICE) * P * SLICE + (column % SLICE)
        for (let p = 0; p < P; p++) packed[at + p * SLICE] = values[o * P + p]
      }
    })
  })
  const indices = uploader.pack(`${spec.label} indices`, (columns / SLICE) * P * 4, (memory) => {
    spec.parts.forEach(({ weight: { indices } }, i) =>
      new Uint32Array(memory, (starts[i] / SLICE) * P * 4, indices.length).set(indices),
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
    const used = starts[i] / SLICE + Math.ceil(weight.N / SLICE)
    const end = (i + 1 < parts.length ? starts[i + 1] : (lists.length / P) * SLICE) / SLICE
    for (let list = used; list < end; list++)
      for (let p = 0; p < P; p++) lists[list * P + p] = Math.floor(p / n) * m + (p % n)
  })
}
