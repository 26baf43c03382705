// Dense f32 linear layers on the GPU.
//
// Packed weights, one panel per 64 outputs, so that 16 threads read 64 neighbouring outputs of one input:
//   W [N][K] -> [COLUMNS / 64][K padded to 16][64]
// in f32, or in half precision where the device was asked for it; then also for the kernel that multiplies in f16.

import type { ShaderName } from '../generated/shaders.ts'
import { padded, type Form, type KernelCall, type Slot } from '../webgpu/call.ts'
import { halfBits, type Precision } from '../webgpu/half.ts'
import {
  columnStarts,
  cover,
  denseDims,
  linearSlots,
  packColumns,
  PANEL,
  type LinearPart,
  type LinearSpec,
} from '../webgpu/linear.ts'
import type { Uploader } from '../webgpu/upload.ts'
import type { DenseWeight } from '../program/weights.ts'

/** Rows up to which a tile of 64 rows would stand mostly empty. */
export const FEW_ROWS = 32
/** Rows up to which a workgroup per row, that reads the weights for it alone, keeps more of the machine busy. */
const SINGLE_ROWS = 4
/** Most rows that a sliced kernel takes: it reads operands from memory that a tile would read once. */
export const MOST_SLICED = 128
/** Subgroups of 32 threads that occupy a large machine; there is no asking how many it has room for. */
const FULL = 512
/** Subgroups of a tile of 64 x 64 outputs. */
const PER_TILE = 4
/** Rows from which a tile of 128 rows fills the machine. */
const TALL_ROWS = 1024

/** Rows up to which splitting the inputs over the workgroup beats tiles too few to fill the machine. */
export function sliceRows(columns: number): number {
  const tiles = Math.floor((FULL - 1) / (PER_TILE * (columns / PANEL)))
  return Math.min(MOST_SLICED, Math.max(FEW_ROWS, tiles * 64))
}

/** Writes the panels of all parts into `memory`, which holds zeros. */
function packDense(memory: ArrayBuffer, parts: LinearPart<DenseWeight>[], isHalf: boolean): void {
  const packed = isHalf ? new Uint16Array(memory) : new Float32Array(memory)
  const { starts } = columnStarts(parts)
  parts.forEach(({ weight: { N, K, data } }, i) => {
    const values = isHalf ? halfBits(data) : data
    const rows = padded(K)
    for (let n = 0; n < N; n++) {
      const column = starts[i] + n
      let at = Math.floor(column / PANEL) * rows * PANEL + (column % PANEL)
      for (let k = n * K; k < n * K + K; k++, at += PANEL) packed[at] = values[k]
    }
  })
}

export interface DenseOptions {
  /** but for 'f32' weights are stored in half precision: the context's shaders must read them so */
  precision: Precision
  /** layers of many rows are multiplied in half precision */
  halfProducts: boolean
}

export function denseCall(
  spec: LinearSpec<DenseWeight>,
  { precision, halfProducts }: DenseOptions,
  uploader: Uploader,
): KernelCall {
  const { columns } = columnStarts(spec.parts)
  const halfWeights = precision !== 'f32'
  const bytes = padded(spec.parts[0].weight.K) * columns * (halfWeights ? 2 : 4)
  const weight = uploader.pack(`${spec.label} weight`, bytes, (memory) => packDense(memory, spec.parts, halfWeights))
  const bias = uploader.pack(`${spec.label} bias`, columns * 4, (memory) => packColumns(memory, spec.parts))
  const slots: Slot[] = [
    ...linearSlots(spec, { from: 'buffer', id: spec.input }, weight, bias),
    { from: 'weight', buffer: uploader.dims(denseDims(spec)) },
  ]
  const tiles = (shader: ShaderName): Form[] => [
    { shader, constants: { ROWS: 64 }, slots, maxRows: TALL_ROWS, workgroups: cover(columns, PANEL, 64) },
    { shader, constants: { ROWS: 128 }, slots, workgroups: cover(columns, PANEL, 128) },
  ]
  return {
    label: spec.label,
    rows: spec.rows,
    forms: [
      { shader: 'dense-matmul.row', constants: {}, slots, maxRows: SINGLE_ROWS, workgroups: cover(columns, 16, 1) },
      {
        shader: 'dense-matmul.slice',
        constants: {},
        slots,
        maxRows: sliceRows(columns),
        workgroups: cover(columns, 32, 16),
      },
      // f32 tiles stand behind f16 ones, for a device that is found to compute those wrong
      ...(halfProducts ? tiles('dense-matmul.half') : []),
      ...tiles('dense-matmul.tiled'),
      { shader: 'dense-matmul.direct', constants: {}, slots, workgroups: cover(columns, 32, 32) },
    ],
  }
}
