// Dense f32 linear layers on the GPU.
//
// Packed weights, one panel per 64 outputs, so that 16 threads read 64 neighbouring outputs of one input:
//   W [N][K] -> [COLUMNS / 64][K padded to 16][64]

import { padded, type KernelCall, type Slot } from '../runtime/gpu/call.ts'
import {
  columnStarts,
  cover,
  linearDims,
  linearSlots,
  packColumns,
  PANEL,
  type LinearPart,
  type LinearSpec,
} from '../runtime/gpu/linear.ts'
import type { Uploader } from '../runtime/gpu/upload.ts'
import type { DenseWeight } from '../runtime/weights.ts'

/** Rows up to which splitting the inputs over the workgroup beats a tile that would stand mostly empty. */
export const SLICE_ROWS = 32
/** Rows from which a tile of 128 rows fills the machine. */
const TALL_ROWS = 1024

/** Writes the panels of all parts into `memory`, which holds zeros. */
export function packDense(memory: ArrayBuffer, parts: LinearPart<DenseWeight>[]): void {
  const packed = new Float32Array(memory)
  const { starts } = columnStarts(parts)
  parts.forEach(({ weight: { N, K, data } }, i) => {
    const rows = padded(K)
    for (let n = 0; n < N; n++) {
      const column = starts[i] + n
      let at = Math.floor(column / PANEL) * rows * PANEL + (column % PANEL)
      for (let k = n * K; k < n * K + K; k++, at += PANEL) packed[at] = data[k]
    }
  })
}

export function denseCall(spec: LinearSpec<DenseWeight>, uploader: Uploader): KernelCall {
  const { columns } = columnStarts(spec.parts)
  const weight = uploader.pack(`${spec.label} weight`, padded(spec.parts[0].weight.K) * columns * 4, (memory) =>
    packDense(memory, spec.parts),
  )
  const bias = uploader.pack(`${spec.label} bias`, columns * 4, (memory) => packColumns(memory, spec.parts))
  const slots: Slot[] = [
    ...linearSlots(spec, { from: 'buffer', id: spec.input }, weight, bias),
    { from: 'weight', buffer: uploader.dims(linearDims(spec)) },
  ]
  return {
    label: spec.label,
    rows: spec.rows,
    forms: [
      { shader: 'dense-matmul.slice', constants: {}, slots, maxRows: SLICE_ROWS, workgroups: cover(columns, 32, 16) },
      {
        shader: 'dense-matmul.tiled',
        constants: { ROWS: 64 },
        slots,
        maxRows: TALL_ROWS,
        workgroups: cover(columns, PANEL, 64),
      },
      {
        shader: 'dense-matmul.tiled',
        constants: { ROWS: 128 },
        slots,
        workgroups: cover(columns, PANEL, 128),
      },
      { shader: 'dense-matmul.direct', constants: {}, slots, workgroups: cover(columns, 32, 32) },
    ],
  }
}
