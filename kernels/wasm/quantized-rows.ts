// The layouts in which int8 kernels read activations, and the records that make them (assembly/quantize.ts).

import type { BufferId } from '../program/program.ts'
import { fixedScale } from '../program/quantization.ts'
import {
  BLOCK_PADDING,
  DOT_STRATEGY,
  K_STEP,
  QUANTIZE_COLUMNS,
  QUANTIZE_ROWS,
  SCALE_STEP,
  type DotStrategy,
} from './abi.ts'
import type { EncodeContext } from './lowered.ts'

export type QuantizedLayout = 'rows' | 'columns'

export interface QuantizedCopy {
  /** name of the region, which the copies of one layout share */
  copy: string
  copyBytes: number
}

/** Bytes of `rows` quantized rows of K inputs: scales, then values. Columns: token blocks. */
export function quantizedCopy(layout: QuantizedLayout, strategy: DotStrategy, rows: number, K: number): QuantizedCopy {
  const count = layout === 'rows' ? rows : rows + BLOCK_PADDING
  const inputs = layout === 'rows' ? Math.ceil(K / K_STEP) * K_STEP : K
  const bytes = Math.ceil(count / SCALE_STEP) * SCALE_STEP * 4 + count * inputs * (strategy === 'i16x8' ? 2 : 1)
  return { copy: `quantized ${layout}`, copyBytes: bytes }
}

/**
 * Address of buffer `id` quantized; a buffer that several layers read with the same scale is quantized once.
 * @param activationScale of the layer that reads; rows that came quantized keep their own scales
 */
export function quantized(
  context: EncodeContext,
  id: BufferId,
  layout: QuantizedLayout,
  strategy: DotStrategy,
  activationScale: number | undefined,
): number {
  const x = context.buffer(id)
  const { scale, inverse } = fixedScale(activationScale)
  const make = (target: number): void =>
    context.tape.record(
      layout === 'rows' ? QUANTIZE_ROWS : QUANTIZE_COLUMNS,
      {
        M: x.rows,
        K: x.width,
        strategy: DOT_STRATEGY[strategy],
        source: x.address,
        sourceScales: x.scales,
        target,
        scale,
        inverse,
      },
      [x.address],
      [target],
    )
  return context.derived(id, `quantized ${layout}`, make, scale)
}
