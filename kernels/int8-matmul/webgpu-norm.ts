// int8 layers on the GPU that take a LayerNorm along, so that it takes no dispatch: for few rows the one before
// them, which every workgroup repeats for its rows; for more the one after them, in workgroups that own whole rows.

import { bindVariants, type Offers } from '../webgpu/bind-variants.ts'
import { packNorm, padded, type CallVariant, type Slot } from '../webgpu/call.ts'
import {
  columnsOf,
  fixedDims,
  linearDims,
  linearSlots,
  packColumns,
  type LinearSpec,
  copySlots,
  type QuantizedCopy,
} from '../webgpu/linear.ts'
import type { Uploader } from '../webgpu/upload.ts'
import type { WebgpuVariant } from '../program/variants.ts'
import type { Op } from '../program/program.ts'
import type { Int8Weight } from '../program/weights.ts'
import { INT8_WEBGPU } from './variants.ts'
import { int8Size, type Int8Panels } from './webgpu.ts'

type LayernormOp = Extract<Op, { kind: 'layernorm' }>

/**
 * The variants of a layer that read what `norm` reads and also write what `norm` writes. They share the layer's packed weights.
 *
 * @param norm without a residual: the shader has all the bindings that an adapter must offer
 */
export function normBeforeVariants(
  norm: LayernormOp,
  spec: LinearSpec<Int8Weight>,
  { panels }: Int8Panels,
  offers: Offers,
  uploader: Uploader,
): CallVariant<WebgpuVariant>[] {
  const size = int8Size(spec, offers)
  const { columns } = size
  const { K, activationScale } = spec.parts[0].weight
  const of = [...columnsOf(spec), norm.gamma, norm.beta]
  const lists = uploader.packOnce(spec.label, 'bias, scales, norm', of, columns * 8 + padded(K) * 8, (memory) => {
    packColumns(memory, spec.parts)
    packNorm(memory, norm.gamma, norm.beta, columns * 8)
  })
  const dims = uploader.dims([...linearDims(spec), ...fixedDims(activationScale), K, { f32: norm.epsilon }])
  const slots: Slot[] = [
    ...linearSlots(spec, { from: 'buffer', id: norm.input }, panels, lists),
    { from: 'buffer', id: norm.output },
    { from: 'weight', buffer: dims },
  ]
  return bindVariants(INT8_WEBGPU, { offers, size, operands: { 'norm-before': () => slots }, columns })
}

/**
 * The variants of a layer that quantize its input and also do what `norm` does with its output, which they leave out:
 * `norm` must be the only one that reads it.
 *
 * @param copy also write the quantized copy of `norm`'s output, where it is given
 */
export function normAfterVariants(
  spec: LinearSpec<Int8Weight>,
  norm: LayernormOp,
  copy: QuantizedCopy | null,
  { panels, fragments }: Int8Panels,
  offers: Offers,
  uploader: Uploader,
): CallVariant<WebgpuVariant>[] {
  const size = int8Size(spec, offers)
  const { columns } = size
  const { K, N, activationScale } = spec.parts[0].weight
  const of = [...columnsOf(spec), norm.gamma, norm.beta]
  const lists = uploader.packOnce(spec.label, 'bias, scales, norm after', of, columns * 8 + padded(N) * 8, (memory) => {
    packColumns(memory, spec.parts)
    packNorm(memory, norm.gamma, norm.beta, columns * 8)
  })
  const residual = spec.residual ?? norm.residual
  const dims = uploader.dims([
    padded(K),
    columns,
    padded(N),
    N,
    { f32: norm.epsilon },
    residual === null ? 0 : 1,
    ...fixedDims(activationScale),
    copy ? 1 : 0,
    ...fixedDims(copy?.activationScale),
  ])
  const slots = (weight: GPUBuffer): Slot[] => [
    { from: 'shape', rows: spec.rows },
    { from: 'buffer', id: spec.input },
    { from: 'weight', buffer: weight },
    { from: 'weight', buffer: lists },
    residual === null ? { from: 'weight', buffer: lists } : { from: 'buffer', id: residual },
    { from: 'bytes', id: spec.input },
    { from: 'buffer', id: norm.output },
    ...copySlots(norm.output, copy),
    { from: 'weight', buffer: dims },
  ]
  return bindVariants(INT8_WEBGPU, {
    offers,
    size,
    operands: {
      'norm-after': () => slots(panels),
      ...(fragments ? { 'norm-after-fragments': () => slots(fragments) } : {}),
    },
  })
}
