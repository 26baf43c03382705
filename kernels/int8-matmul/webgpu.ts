// Dense int8 linear layers and the quantization of their inputs on the GPU.
//
// Packed weights, as in dense-matmul but with 4 inputs of one output in each word, which is what dot4I8Packed takes:
//   W [N][K] s8 -> [COLUMNS / 64][K padded to 16, / 4][64] words
//
// Packed once more where the adapter multiplies matrices: fragments of 16 outputs x 32 inputs, 512 bytes in a row, in the
// order in which the kernel takes them, so that each is one load of whole cache lines. Fragments of activations are 16
// rows x 32 inputs of rows as they are: 32 neighbouring bytes of a row are a whole sector of memory already.
//   W [N][K] s8 -> [COLUMNS / 64][K / 32][4][16][32]

import { bindVariants, type Offers } from '../webgpu/bind-variants.ts'
import { padded, type KernelCall, type Slot } from '../webgpu/call.ts'
import {
  columnsOf,
  columnStarts,
  fixedDims,
  linearDims,
  linearSlots,
  packColumns,
  PANEL,
  weightsOf,
  type LinearPart,
  type LinearSpec,
} from '../webgpu/linear.ts'
import type { Uploader } from '../webgpu/upload.ts'
import type { BufferId, BufferSpec } from '../program/program.ts'
import type { Int8Weight } from '../program/weights.ts'
import { WITHOUT_DOTS } from '../webgpu/rows.ts'
import { INT8_WEBGPU, type Int8Size } from './variants.ts'

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

/** What the variants of an int8 layer depend on. */
export function int8Size(
  { parts, rows }: LinearSpec<Int8Weight>,
  { hasMatrices, usesMatrices, vendor }: Offers,
): Int8Size {
  const { columns } = columnStarts(parts)
  // no fragment crosses two rows or the end of a buffer: those of token rows hold a multiple of 16, of sequences maybe not
  const hasFragments = hasMatrices && padded(parts[0].weight.K) % FRAGMENT_INPUTS === 0 && rows === 'tokens'
  const hasRowFragments = hasFragments && usesMatrices
  return { columns, hasFragments, hasRowFragments, hasDots: !WITHOUT_DOTS.includes(vendor) }
}

/** Of the slots that linearSlots gives. */
const WEIGHT_BINDING = 2

export interface Int8Options {
  /** the input's bytes are there without a call for them: given, or made by the op before */
  isQuantized: boolean
  offers: Offers
}

/** The weights of a layer as they are packed, for the variants that also do the work of a LayerNorm beside it. */
export interface Int8Panels {
  panels: GPUBuffer
  fragments: GPUBuffer | null
}

export function int8Call(
  spec: LinearSpec<Int8Weight>,
  { isQuantized, offers }: Int8Options,
  uploader: Uploader,
): { call: KernelCall; packed: Int8Panels } {
  const size = int8Size(spec, offers)
  const { columns } = size
  const bytes = padded(spec.parts[0].weight.K) * columns
  const { label, parts } = spec
  const panels = uploader.packOnce(label, 'weight', weightsOf(spec), bytes, (memory) => packInt8(memory, parts))
  const scales = uploader.packOnce(label, 'bias, scales', columnsOf(spec), columns * 8, (memory) =>
    packColumns(memory, parts),
  )
  const fixed = fixedDims(spec.parts[0].weight.activationScale)
  const dims: Slot = { from: 'weight', buffer: uploader.dims([...linearDims(spec), ...fixed]) }
  const slots: Slot[] = [
    ...linearSlots(spec, { from: 'bytes', id: spec.input }, panels, scales),
    { from: 'scales', id: spec.input },
    dims,
  ]
  const fragments = size.hasFragments
    ? uploader.packOnce(label, 'fragments', weightsOf(spec), bytes, (memory) => packFragments(memory, parts))
    : null
  const variants = bindVariants(INT8_WEBGPU, {
    offers,
    size,
    operands: {
      bytes: () => slots,
      ...(fragments ? { fragments: () => slots.with(WEIGHT_BINDING, { from: 'weight', buffer: fragments }) } : {}),
      ...(isQuantized
        ? {}
        : { f32: () => [...linearSlots(spec, { from: 'buffer', id: spec.input }, panels, scales), dims] }),
    },
    columns,
  })
  return { call: { label: spec.label, rows: spec.rows, variants }, packed: { panels, fragments } }
}

/** Fills the quantized copy of an f32 buffer. */
export function quantizeCall(
  id: BufferId,
  spec: BufferSpec,
  activationScale: number | undefined,
  offers: Offers,
  uploader: Uploader,
): KernelCall {
  const dims = uploader.dims([padded(spec.width), ...fixedDims(activationScale)])
  const slots: Slot[] = [
    { from: 'shape', rows: spec.rows },
    { from: 'buffer', id },
    { from: 'bytes', id },
    { from: 'scales', id },
    { from: 'weight', buffer: dims },
  ]
  const size: Int8Size = { columns: 0, hasFragments: false, hasRowFragments: false, hasDots: true }
  const variants = bindVariants(INT8_WEBGPU, { offers, size, operands: { quantize: () => slots } })
  return { label: `quantize ${spec.name}`, rows: spec.rows, variants }
}
