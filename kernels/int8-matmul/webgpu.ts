// Dense int8 linear layers and the quantization of their inputs on the GPU.
//
// Packed weights, as in dense-matmul but with 4 inputs of one output in each word, which is what dot4I8Packed takes:
//   W [N][K] s8 -> [COLUMNS / 64][K padded to 16, / 4][64] words
//
// Packed once more where the adapter multiplies matrices: fragments of 16 outputs x 32 inputs, 512 bytes in a row, in the
// order in which the kernel takes them, so that each is one load of whole cache lines. Fragments of activations are 16
// rows x 32 inputs of rows as they are: 32 neighbouring bytes of a row are a whole sector of memory already.
//   W [N][K] s8 -> [COLUMNS / 64][K / 32][4][16][32]

import { isTiled, padded, rowGrid, type Form, type KernelCall, type Slot } from '../webgpu/call.ts'
import {
  columnStarts,
  cover,
  fixedDims,
  linearDims,
  linearSlots,
  packColumns,
  PANEL,
  type LinearPart,
  type LinearSpec,
} from '../webgpu/linear.ts'
import type { Uploader } from '../webgpu/upload.ts'
import type { BufferId, BufferSpec } from '../program/program.ts'
import type { Int8Weight } from '../program/weights.ts'
import { FEW_ROWS, MOST_SLICED, sliceRows } from '../dense-matmul/webgpu.ts'

/** Writes the panels of all parts into `memory`, which holds zeros. */
export function packInt8(memory: ArrayBuffer, parts: LinearPart<Int8Weight>[]): void {
  const packed = new Int8Array(memory)
  const { starts } = columnStarts(parts)
  parts.forEach(({ weight: { N, K, data } }, i) => {
    const rows = padded(K)
    for (let n = 0; n < N; n++) {
      const column = starts[i] + n
      const panel = Math.floor(column / PANEL) * rows * PANEL + (column % PANEL) * 4
      for (let k = 0; k < K; k++) packed[panel + (k >> 2) * (PANEL * 4) + (k & 3)] = data[n * K + k]
    }
  })
}

/** Outputs and inputs of a fragment of weights. */
const [FRAGMENT_COLUMNS, FRAGMENT_INPUTS] = [16, 32]
/** Rows up to which 32 at a time with the inputs split among subgroups occupy more of a machine than 128 at a time. */
const SPLIT_ROWS = 256

/** Writes the fragments of all parts into `memory`, which holds zeros; K padded to 16 is a multiple of 32. */
export function packFragments(memory: ArrayBuffer, parts: LinearPart<Int8Weight>[]): void {
  const packed = new Int8Array(memory)
  const { starts } = columnStarts(parts)
  const fragment = FRAGMENT_COLUMNS * FRAGMENT_INPUTS
  parts.forEach(({ weight: { N, K, data } }, i) => {
    const steps = padded(K) / FRAGMENT_INPUTS
    for (let n = 0; n < N; n++) {
      const column = starts[i] + n
      const [panel, inPanel] = [Math.floor(column / PANEL), column % PANEL]
      const first =
        panel * steps * PANEL * FRAGMENT_INPUTS +
        Math.floor(inPanel / FRAGMENT_COLUMNS) * fragment +
        (inPanel % FRAGMENT_COLUMNS) * FRAGMENT_INPUTS
      for (let k = 0; k < K; k += FRAGMENT_INPUTS)
        packed.set(data.subarray(n * K + k, n * K + Math.min(k + FRAGMENT_INPUTS, K)), first + k * PANEL)
    }
  })
}

/** The forms of the matrix kernel, none where a fragment would stand across two rows or past the end of a buffer. */
function matrixForms(spec: LinearSpec<Int8Weight>, slots: Slot[], uploader: Uploader): Form[] {
  const K = padded(spec.parts[0].weight.K)
  const { columns } = columnStarts(spec.parts)
  // buffers of token rows hold a multiple of 16 of them, those of sequences may not
  if (K % FRAGMENT_INPUTS !== 0 || spec.rows !== 'tokens') return []
  const fragments = uploader.pack(`${spec.label} fragments`, K * columns, (memory) => packFragments(memory, spec.parts))
  const own = slots.with(WEIGHT_BINDING, { from: 'weight', buffer: fragments })
  const form = { shader: 'int8-matmul.matrix', slots: own } as const
  return [
    { ...form, constants: { SPLIT: 4 }, maxRows: SPLIT_ROWS, workgroups: cover(columns, PANEL, 32) },
    { ...form, constants: { SPLIT: 1 }, workgroups: cover(columns, PANEL, 128) },
  ]
}

/** Rows up to which a layer that quantizes its own rows spares a dispatch; it reads them as f32 once per 32 columns. */
export const FUSED_ROWS = MOST_SLICED

/** Of the slots that linearSlots gives. */
const WEIGHT_BINDING = 2

export interface Int8Options {
  /** the input's bytes are there without a call of their own: given, or made by the op before */
  isQuantized: boolean
  usesMatrices: boolean
}

export function int8Call(
  spec: LinearSpec<Int8Weight>,
  { isQuantized, usesMatrices }: Int8Options,
  uploader: Uploader,
): KernelCall {
  const { columns } = columnStarts(spec.parts)
  const weight = uploader.pack(`${spec.label} weight`, padded(spec.parts[0].weight.K) * columns, (memory) =>
    packInt8(memory, spec.parts),
  )
  const scales = uploader.pack(`${spec.label} bias, scales`, columns * 8, (memory) => packColumns(memory, spec.parts))
  const fixed = fixedDims(spec.parts[0].weight.activationScale)
  const dims: Slot = { from: 'weight', buffer: uploader.dims([...linearDims(spec), ...fixed]) }
  const slots: Slot[] = [
    ...linearSlots(spec, { from: 'bytes', id: spec.input }, weight, scales),
    { from: 'scales', id: spec.input },
    dims,
  ]
  const matrices = usesMatrices ? matrixForms(spec, slots, uploader) : []
  const fused: Form = {
    shader: 'int8-matmul.fused',
    constants: {},
    slots: [...linearSlots(spec, { from: 'buffer', id: spec.input }, weight, scales), dims],
    maxRows: FUSED_ROWS,
    workgroups: cover(columns, 32, 16),
    includesBefore: true,
  }
  const slice: Form = {
    shader: 'int8-matmul.slice',
    constants: {},
    slots,
    maxRows: matrices.length > 0 ? FEW_ROWS : sliceRows(columns),
    workgroups: cover(columns, 32, 16),
  }
  return {
    label: spec.label,
    rows: spec.rows,
    forms: [
      ...(isQuantized ? [] : [fused]),
      slice,
      ...matrices,
      { shader: 'int8-matmul.tiled', constants: {}, slots, workgroups: cover(columns, PANEL, 64) },
      { shader: 'int8-matmul.direct', constants: {}, slots, workgroups: cover(columns, 32, 32) },
    ],
  }
}

/** Fills the quantized twin of an f32 buffer. */
export function quantizeCall(
  id: BufferId,
  spec: BufferSpec,
  activationScale: number | undefined,
  uploader: Uploader,
): KernelCall {
  const dims = uploader.dims([padded(spec.width), ...fixedDims(activationScale)])
  const forms = (['quantize.tiled', 'quantize.direct'] as const).map((shader) => ({
    shader,
    constants: {},
    slots: [
      { from: 'shape', rows: spec.rows } as const,
      { from: 'buffer', id } as const,
      { from: 'bytes', id } as const,
      { from: 'scales', id } as const,
      { from: 'weight', buffer: dims } as const,
    ],
    workgroups: isTiled(shader)
      ? ({ rows }: { rows: number }) => rowGrid(rows)
      : ({ rows }: { rows: number }): [number, number, number] => [Math.ceil(rows / 32), 1, 1],
  }))
  return { label: `quantize ${spec.name}`, rows: spec.rows, forms }
}
