// LayerNorm, first-token and mean-pool on the GPU.

import { isTiled, packNorm, padded, rowGrid, type Form, type Grid, type KernelCall, type Slot } from '../webgpu/call.ts'
import { fixedDims, type Twin } from '../webgpu/linear.ts'
import type { Uploader } from '../webgpu/upload.ts'
import type { BufferSpec, Op } from '../program/program.ts'

type LayernormOp = Extract<Op, { kind: 'layernorm' }>
type PoolOp = Extract<Op, { kind: 'first-token' | 'mean-pool' }>

const byRow = (shader: Form['shader'], rowsPerGroup: number): Form['workgroups'] =>
  isTiled(shader) ? ({ rows }: Grid) => rowGrid(rows) : ({ rows }: Grid) => [Math.ceil(rows / rowsPerGroup), 1, 1]

/** @param twin also write the output's quantized twin, where it is given */
export function layernormCall(op: LayernormOp, spec: BufferSpec, twin: Twin | null, uploader: Uploader): KernelCall {
  const width = padded(spec.width)
  const norm = uploader.pack('layernorm', width * 8, (memory) => packNorm(memory, op.gamma, op.beta))
  const hasResidual = op.residual === null ? 0 : 1
  const dims = uploader.dims([
    spec.width,
    width,
    { f32: op.epsilon },
    twin ? 1 : 0,
    hasResidual,
    ...fixedDims(twin?.activationScale),
  ])
  const slots: Slot[] = [
    { from: 'shape', rows: spec.rows },
    { from: 'buffer', id: op.input },
    op.residual === null ? { from: 'weight', buffer: norm } : { from: 'buffer', id: op.residual },
    { from: 'weight', buffer: norm },
    { from: 'buffer', id: op.output },
    ...twinSlots(op.output, twin !== null),
    { from: 'weight', buffer: dims },
  ]
  return {
    label: `layernorm to ${spec.name}`,
    rows: spec.rows,
    forms: (['layernorm.tiled', 'layernorm.direct'] as const).map((shader) => ({
      shader,
      constants: {},
      slots,
      workgroups: byRow(shader, 32),
    })),
  }
}

const twinSlots = (id: number, quantize: boolean): Slot[] =>
  quantize
    ? [
        { from: 'bytes', id },
        { from: 'scales', id },
      ]
    : [
        { from: 'unused', index: 0 },
        { from: 'unused', index: 1 },
      ]

export function poolCall(op: PoolOp, spec: BufferSpec, uploader: Uploader): KernelCall {
  const width = padded(spec.width)
  const slots: Slot[] = [
    { from: 'shape', rows: 'sequences' },
    { from: 'offsets' },
    { from: 'buffer', id: op.input },
    { from: 'buffer', id: op.output },
    { from: 'weight', buffer: uploader.dims([width, op.kind === 'mean-pool' && op.normalize ? 1 : 0]) },
  ]
  const label = `${op.kind} to ${spec.name}`
  if (op.kind === 'first-token')
    return {
      label,
      rows: 'sequences',
      forms: [
        {
          shader: 'first-token.direct',
          constants: {},
          slots,
          workgroups: ({ rows }) => [Math.ceil(width / 256), rows, 1],
        },
      ],
    }
  return {
    label,
    rows: 'sequences',
    forms: (['mean-pool.tiled', 'mean-pool.direct'] as const).map((shader) => ({
      shader,
      constants: {},
      slots,
      workgroups: byRow(shader, 4),
    })),
  }
}
