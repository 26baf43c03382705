// LayerNorm, first-token and mean-pool on the GPU.

import { bindVariants, type Offers } from '../webgpu/bind-variants.ts'
import { packNorm, padded, type KernelCall, type Slot } from '../webgpu/call.ts'
import { copySlots, fixedDims, type QuantizedCopy } from '../webgpu/linear.ts'
import type { Uploader } from '../webgpu/upload.ts'
import type { BufferSpec, Op } from '../program/program.ts'
import { ROW_OPS_WEBGPU } from './variants.ts'

type LayernormOp = Extract<Op, { kind: 'layernorm' }>
type PoolOp = Extract<Op, { kind: 'first-token' | 'mean-pool' }>

/** @param copy also write the output's quantized copy, where it is given */
export function layernormCall(
  op: LayernormOp,
  spec: BufferSpec,
  copy: QuantizedCopy | null,
  offers: Offers,
  uploader: Uploader,
): KernelCall {
  const width = padded(spec.width)
  const norm = uploader.packOnce(spec.name, 'layernorm', [op.gamma, op.beta], width * 8, (memory) =>
    packNorm(memory, op.gamma, op.beta),
  )
  const hasResidual = op.residual === null ? 0 : 1
  const dims = uploader.dims([
    spec.width,
    width,
    { f32: op.epsilon },
    copy ? 1 : 0,
    hasResidual,
    ...fixedDims(copy?.activationScale),
  ])
  const slots: Slot[] = [
    { from: 'shape', rows: spec.rows },
    { from: 'buffer', id: op.input },
    op.residual === null ? { from: 'weight', buffer: norm } : { from: 'buffer', id: op.residual },
    { from: 'weight', buffer: norm },
    { from: 'buffer', id: op.output },
    ...copySlots(op.output, copy),
    { from: 'weight', buffer: dims },
  ]
  return {
    label: `layernorm to ${spec.name}`,
    rows: spec.rows,
    variants: bindVariants(ROW_OPS_WEBGPU, { offers, size: {}, operands: { layernorm: () => slots } }),
  }
}

export function poolCall(op: PoolOp, spec: BufferSpec, offers: Offers, uploader: Uploader): KernelCall {
  const width = padded(spec.width)
  const slots: Slot[] = [
    { from: 'shape', rows: 'sequences' },
    { from: 'offsets' },
    { from: 'buffer', id: op.input },
    { from: 'buffer', id: op.output },
    { from: 'weight', buffer: uploader.dims([width, op.kind === 'mean-pool' && op.normalize ? 1 : 0]) },
  ]
  const operands = { [op.kind]: () => slots }
  return {
    label: `${op.kind} to ${spec.name}`,
    rows: 'sequences',
    variants: bindVariants(ROW_OPS_WEBGPU, { offers, size: {}, operands, columns: width }),
  }
}
