// Dense int8 linear layers and the quantization of their inputs on the GPU.
//
// Packed weights, as in dense-matmul but with 4 inputs of one output in each word, which is what dot4I8Packed takes:
//   W [N][K] s8 -> [COLUMNS / 64][K padded to 16, / 4][64] words

import { isTiled, padded, rowGrid, type Form, type KernelCall, type Slot } from '../runtime/gpu/call.ts'
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
} from '../runtime/gpu/linear.ts'
import type { Uploader } from '../runtime/gpu/upload.ts'
import type { BufferId, BufferSpec } from '../runtime/program.ts'
import type { Int8Weight } from '../runtime/weights.ts'
import { SLICE_ROWS } from '../dense-matmul/webgpu.ts'

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

/** @param isQuantized the input's bytes are there without a call of their own: given, or made by the op before */
export function int8Call(spec: LinearSpec<Int8Weight>, isQuantized: boolean, uploader: Uploader): KernelCall {
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
  const fused: Form = {
    shader: 'int8-matmul.fused',
    constants: {},
    slots: [...linearSlots(spec, { from: 'buffer', id: spec.input }, weight, scales), dims],
    maxRows: SLICE_ROWS,
    workgroups: cover(columns, 32, 16),
    quantizesItself: true,
  }
  return {
    label: spec.label,
    rows: spec.rows,
    forms: [
      ...(isQuantized ? [] : [fused]),
      { shader: 'int8-matmul.slice', constants: {}, slots, maxRows: SLICE_ROWS, workgroups: cover(columns, 32, 16) },
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
