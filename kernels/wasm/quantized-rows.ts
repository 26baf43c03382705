// The forms in which int8 kernels read activations, and the records that make them (assembly/quantize.ts).

import type { BufferId } from '../program/program.ts'
import { fixedScale } from '../program/quantization.ts'
import { BLOCK_PADDING, INT8_PATH_CODES, type EncodeContext, type Int8Path } from './lowering.ts'
import { QUANTIZE_COLUMNS, QUANTIZE_ROWS } from './opcodes.ts'
import { f32Bits } from './tape.ts'

export type QuantizedLayout = 'rows' | 'columns'

export interface QuantizedForm {
  /** name of the region; forms of one name share it, so the name holds all that decides the contents */
  form: string
  formBytes: number
}

/** Bytes of `rows` quantized rows of K inputs: scales, then values. Columns: token blocks. */
export function quantizedForm(layout: QuantizedLayout, path: Int8Path, rows: number, K: number): QuantizedForm {
  const count = layout === 'rows' ? rows : rows + BLOCK_PADDING
  const inputs = layout === 'rows' ? Math.ceil(K / 8) * 8 : K
  const bytes = Math.ceil(count / 16) * 64 + count * inputs * (path === 'i16x8' ? 2 : 1)
  return { form: `quantized ${layout}`, formBytes: bytes }
}

/**
 * Address of buffer `id` quantized; a buffer that several layers read with the same scale is quantized once.
 * @param activationScale of the layer that reads; rows that came quantized keep their own scales
 */
export function quantized(
  context: EncodeContext,
  id: BufferId,
  layout: QuantizedLayout,
  path: Int8Path,
  activationScale: number | undefined,
): number {
  const x = context.buffer(id)
  const { scale, inverse } = fixedScale(activationScale)
  const words = [x.rows, x.width, x.scales ? 1 : 0, x.address, x.scales]
  const rest = [INT8_PATH_CODES[path], f32Bits(scale), f32Bits(inverse)]
  const opcode = layout === 'rows' ? QUANTIZE_ROWS : QUANTIZE_COLUMNS
  const make = (target: number): void => context.tape.record(opcode, [...words, target, ...rest], [x.address], [target])
  return context.derived(id, `quantized ${layout}`, make, scale)
}
