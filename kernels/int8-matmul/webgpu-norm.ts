// int8 layers on the GPU that take a LayerNorm along, so that it has no dispatch of its own: for few rows the one before
// them, which every workgroup repeats for its rows; for more the one after them, in workgroups that own whole rows.

import { packNorm, padded, type Form, type KernelCall, type Slot } from '../webgpu/call.ts'
import {
  columnStarts,
  cover,
  fixedDims,
  linearDims,
  linearSlots,
  packColumns,
  type LinearSpec,
  type Twin,
} from '../webgpu/linear.ts'
import type { Uploader } from '../webgpu/upload.ts'
import type { Op } from '../program/program.ts'
import type { Int8Weight } from '../program/weights.ts'
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
  const dims = uploader.dims([...linearDims(spec), ...fixedDims(activationScale), K, { f32: norm.epsilon }])
  return {
    shader: 'int8-matmul.norm-fused',
    constants: {},
    slots: [
      ...linearSlots(spec, { from: 'buffer', id: norm.input }, panelsOf(call).buffer, lists),
      { from: 'buffer', id: norm.output },
      { from: 'weight', buffer: dims },
    ],
    maxRows: FUSED_ROWS,
    workgroups: cover(columns, 32, 16),
    includesBefore: true,
  }
}

/**
 * How many groups of threads share the inputs of 4 rows, and up to how many rows: each workgroup reads all weights, so
 * that 4 rows at a time pay only while larger ones would leave most of a machine idle.
 */
const SPLITS = [
  { SPLIT: 4, maxRows: 256 },
  { SPLIT: 2, maxRows: 1024 },
  { SPLIT: 1, maxRows: undefined },
]
/** Rows of a workgroup that multiplies matrices. */
const MATRIX_ROWS = 32

/**
 * The forms of `call` that quantize their input and also do what `norm` does with their output, which they leave out:
 * `norm` must be the only one that reads it.
 *
 * @param twin also write the s8 twin of `norm`'s output, where it is given
 */
export function wholeRowForms(
  spec: LinearSpec<Int8Weight>,
  norm: LayernormOp,
  twin: Twin | null,
  call: KernelCall,
  uploader: Uploader,
): Form[] {
  const { columns } = columnStarts(spec.parts)
  const { K, N, activationScale } = spec.parts[0].weight
  const lists = uploader.pack(`${spec.label} bias, scales, norm after`, columns * 8 + padded(N) * 8, (memory) => {
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
    twin ? 1 : 0,
    ...fixedDims(twin?.activationScale),
  ])
  const slots: Slot[] = [
    { from: 'shape', rows: spec.rows },
    { from: 'buffer', id: spec.input },
    panelsOf(call),
    { from: 'weight', buffer: lists },
    residual === null ? { from: 'weight', buffer: lists } : { from: 'buffer', id: residual },
    { from: 'bytes', id: spec.input },
    { from: 'buffer', id: norm.output },
    twin ? { from: 'bytes', id: norm.output } : { from: 'unused', index: 0 },
    twin ? { from: 'scales', id: norm.output } : { from: 'unused', index: 1 },
    { from: 'weight', buffer: dims },
  ]
  const common = {
    // where the layer after the LayerNorm does it as well, that one reads what these leave out: never both
    minRows: FUSED_ROWS + 1,
    includesBefore: true,
    normalizes: true,
  }
  const forms: Form[] = SPLITS.map(({ SPLIT, maxRows }) => ({
    ...common,
    shader: 'int8-matmul.whole-row',
    constants: { SPLIT },
    slots,
    maxRows,
    workgroups: ({ rows }) => [Math.ceil((rows * SPLIT) / 16), 1, 1],
  }))
  const matrix = call.forms.find(({ shader }) => shader === 'int8-matmul.matrix')
  if (matrix)
    // after the one for the fewest rows, which occupies 8 times as many workgroups
    forms.splice(1, 0, {
      ...common,
      shader: 'int8-matmul.whole-row-matrix',
      constants: {},
      slots: slots.with(WEIGHT_BINDING, matrix.slots[WEIGHT_BINDING]),
      workgroups: ({ rows }) => [Math.ceil(rows / MATRIX_ROWS), 1, 1],
    })
  return forms
}

type Panels = Extract<Slot, { from: 'weight' }>

/** Of the slots that linearSlots gives. */
const WEIGHT_BINDING = 2

/** The weights of a call as words for dot4I8Packed. */
const panelsOf = ({ forms }: KernelCall): Panels =>
  forms.find(({ shader }) => shader === 'int8-matmul.direct')!.slots[WEIGHT_BINDING] as Panels
