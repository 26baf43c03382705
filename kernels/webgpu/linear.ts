// What every linear kernel shares on the GPU: up to three layers of one input side by side in one dispatch, their
// columns padded to 64 each, and the epilogue's constants and bindings.

import { activationCode } from '../program/activations.ts'
import type { Activation, BufferId, BufferSpec } from '../program/program.ts'
import { fixedScale } from '../program/quantization.ts'
import type { LeafWeight } from '../program/weights.ts'
import { padded, type Slot } from './call.ts'
import type { Dim } from './upload.ts'

/** Columns of a panel of packed weights; each layer's outputs are padded to it. */
export const PANEL = 64

export interface LinearPart<W extends LeafWeight = LeafWeight> {
  weight: W
  bias: Float32Array | null
  output: BufferId
  /** dense f32 only: its first input in a row of the input, a multiple of 16; the first part's is 0 */
  inputStart?: number
}

export interface LinearSpec<W extends LeafWeight = LeafWeight> {
  label: string
  rows: BufferSpec['rows']
  input: BufferId
  /** elements of the input's rows, which may be more than a part reads */
  inputWidth: number
  /** one to three layers of the same kind, K and activation; a residual only where there is one */
  parts: LinearPart<W>[]
  activation: Activation
  residual: BufferId | null
}

/** The weights of all parts, and the weights with their biases: what packed operands are made of. */
export const weightsOf = ({ parts }: LinearSpec): object[] => parts.map(({ weight }) => weight)
export const columnsOf = ({ parts }: LinearSpec): (object | null)[] =>
  parts.flatMap(({ weight, bias }) => [weight, bias])

/** A part's first column among all, and how many columns there are in all. */
export function columnStarts(parts: LinearPart[]): { starts: number[]; columns: number } {
  let columns = 0
  const starts = parts.map(({ weight }) => {
    const start = columns
    columns += Math.ceil(weight.N / PANEL) * PANEL
    return start
  })
  return { starts, columns }
}

/** No column is that far. */
const NEVER = 0xffffffff

/** The shaders' struct Dims but for a kernel's own fields. */
export function linearDims({ parts, activation, residual }: LinearSpec): Dim[] {
  const { starts, columns } = columnStarts(parts)
  const strides = [0, 1, 2].map((i) => (i < parts.length ? padded(parts[i].weight.N) : 0))
  return [
    padded(parts[0].weight.K),
    columns,
    starts[1] ?? NEVER,
    starts[2] ?? NEVER,
    ...strides,
    activationCode(activation),
    residual === null ? 0 : 1,
  ]
}

/** The fields of the shaders' struct Dims for dense f32 layers. */
export function denseDims(spec: LinearSpec): Dim[] {
  const starts = [1, 2].map((i) => spec.parts.at(i)?.inputStart ?? 0)
  return [...linearDims(spec), padded(spec.inputWidth), ...starts]
}

/** The quantized copy of an f32 buffer, for the int8 layers that read it next. */
export interface QuantizedCopy {
  /** calibrated scale of all rows; each row has its own where there is none */
  activationScale?: number
}

/** The last fields of struct Dims where a kernel quantizes: calibrated scale and inverse, or zeros for one per row. */
export function fixedDims(activationScale: number | undefined): Dim[] {
  const { scale, inverse } = fixedScale(activationScale)
  return [{ f32: scale }, { f32: inverse }]
}

/** Bindings 0 to 7, the same for every linear kernel. */
export function linearSlots(spec: LinearSpec, input: Slot, weight: GPUBuffer, columns: GPUBuffer): Slot[] {
  return [
    { from: 'shape', rows: spec.rows },
    input,
    { from: 'weight', buffer: weight },
    { from: 'weight', buffer: columns },
    spec.residual === null ? { from: 'weight', buffer: columns } : { from: 'buffer', id: spec.residual },
    ...([0, 1, 2] as const).map((i): Slot =>
      i < spec.parts.length ? { from: 'buffer', id: spec.parts[i].output } : { from: 'unused', index: i },
    ),
  ]
}

/** bias [columns], and after it the scales [columns] of int8 weights, f32, padding 0. */
export function packColumns(memory: ArrayBuffer, parts: LinearPart[]): void {
  const { starts, columns } = columnStarts(parts)
  parts.forEach(({ weight, bias }, i) => {
    if (bias) new Float32Array(memory, starts[i] * 4, weight.N).set(bias)
    if ('scales' in weight) new Float32Array(memory, (columns + starts[i]) * 4, weight.N).set(weight.scales)
  })
}

/** The bindings of a quantized copy that a kernel also writes, where it is wanted. */
export const copySlots = (id: BufferId, copy: QuantizedCopy | null): Slot[] =>
  copy
    ? [
        { from: 'bytes', id },
        { from: 'scales', id },
      ]
    : [
        { from: 'unused', index: 0 },
        { from: 'unused', index: 1 },
      ]
