// An int8 layer that normalises its own rows: LayerNorm without a dispatch of its own, for few rows on the GPU.

import { FEW_ROWS } from '../dense-matmul/webgpu.ts'
import { packNorm, padded, type Form, type KernelCall, type Slot } from '../runtime/gpu/call.ts'
import {
  columnStarts,
  cover,
  fixedDims,
  linearDims,
  linearSlots,
  packColumns,
  type LinearSpec,
} from '../runtime/gpu/linear.ts'
import type { Uploader } from '../runtime/gpu/upload.ts'
import type { Op } from '../runtime/program.ts'
import type { Int8Weight } from '../runtime/weights.ts'
import { FUSED_ROWS } from './webgpu.ts'

type LayernormOp = Extract<Op, { kind: 'layernorm' }>

/**
 * The form of `call` that reads what `norm` reads and also writes what `norm` writes. It shares the call's packed weights.
 *
 * @param norm without a residual: the shader has all the bindings that an adapter must offer
 */
export function normFusedForm(
  norm: LayernormOp,
  spec: LinearSpec<Int8Weight>,
  call: KernelCall,
  uploader: Uploader,
): Form {
  const { columns } = columnStarts(spec.parts)
  const { K, activationScale } = spec.parts[0].weight
  const lists = uploader.pack(`${spec.label} bias, scales, norm`, columns * 8 + padded(K) * 8, (memory) => {
    packColumns(memory, spec.parts)
    packNorm(memory, norm.gamma, norm.beta, columns * 8)
  })
  const panels = call.forms.find(({ shader }) => shader === 'int8-matmul.direct')!.slots[WEIGHT_BINDING] as Panels
  const dims = uploader.dims([...linearDims(spec), ...fixedDims(activationScale), K, { f32: norm.epsilon }])
  return {
    shader: 'int8-matmul.norm-fused',
    constants: {},
    slots: [
      ...linearSlots(spec, { from: 'buffer', id: norm.input }, panels.buffer, lists),
      { from: 'buffer', id: norm.output },
      { from: 'weight', buffer: dims },
    ],
    maxRows: call.forms.some(({ shader }) => shader === 'int8-matmul.matrix') ? FEW_ROWS : FUSED_ROWS,
    workgroups: cover(columns, 32, 16),
    quantizesItself: true,
  }
}

type Panels = Extract<Slot, { from: 'weight' }>

/** Of the slots that linearSlots gives. */
const WEIGHT_BINDING = 2
