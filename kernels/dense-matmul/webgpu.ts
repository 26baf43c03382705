// Dense f32 linear layers on the GPU.
//
// Packed weights, one panel per 64 outputs, so that 16 threads read 64 neighbouring outputs of one input:
//   W [N][K] -> [COLUMNS / 64][K padded to 16][64]
// in f32, or in half precision where the device was asked for it; then also for the kernel that multiplies in f16.

import { bindVariants, type Offers } from '../webgpu/bind-variants.ts'
import { padded, type KernelCall, type Slot } from '../webgpu/call.ts'
import { halfBits } from '../webgpu/half.ts'
import type { Precision } from '../program/device.ts'
import {
  columnsOf,
  columnStarts,
  denseDims,
  linearSlots,
  packColumns,
  PANEL,
  weightsOf,
  type LinearPart,
  type LinearSpec,
} from '../webgpu/linear.ts'
import type { Uploader } from '../webgpu/upload.ts'
import type { DenseWeight } from '../program/weights.ts'
import { DENSE_WEBGPU } from './variants.ts'

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
  offers: Offers
}

export function denseCall(
  spec: LinearSpec<DenseWeight>,
  { precision, offers }: DenseOptions,
  uploader: Uploader,
): KernelCall {
  const { columns } = columnStarts(spec.parts)
  const halfWeights = precision !== 'f32'
  const bytes = padded(spec.parts[0].weight.K) * columns * (halfWeights ? 2 : 4)
  const { label, parts } = spec
  const weight = uploader.packOnce(label, 'weight', weightsOf(spec), bytes, (memory) =>
    packDense(memory, parts, halfWeights),
  )
  const bias = uploader.packOnce(label, 'bias', columnsOf(spec), columns * 4, (memory) => packColumns(memory, parts))
  const slots: Slot[] = [
    ...linearSlots(spec, { from: 'buffer', id: spec.input }, weight, bias),
    { from: 'weight', buffer: uploader.dims(denseDims(spec)) },
  ]
  const variants = bindVariants(DENSE_WEBGPU, { offers, size: { columns }, operands: { panels: () => slots }, columns })
  return { label: spec.label, rows: spec.rows, variants }
}
