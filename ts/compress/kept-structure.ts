// How many heads and FFN neurons a structural step leaves in a layer.

import type { BertConfig } from '../model/config.ts'

/** The shape that a step's numbers refer to. */
export const REFERENCE_HEADS = 12
export const REFERENCE_FFN = 3072

/** FFN widths stay multiples of this: kernels tile by 4 and 8. */
export const FFN_STEP = 8

/**
 * How many heads and FFN neurons a layer keeps under `heads<heads>-ffn<ffn>`: the fractions heads / 12 and ffn / 3072
 * of its own, at least one head; the FFN rounded to a multiple of 8, at least 8, never more than there are.
 */
export function keptStructure(
  step: { heads: number; ffn: number },
  layer: { heads: number; ffn: number },
): { heads: number; ffn: number } {
  const heads = Math.max(1, Math.min(layer.heads, Math.round((layer.heads * step.heads) / REFERENCE_HEADS)))
  const rounded = Math.round((layer.ffn * step.ffn) / REFERENCE_FFN / FFN_STEP) * FFN_STEP
  return { heads, ffn: Math.min(layer.ffn, Math.max(FFN_STEP, rounded)) }
}

/** @throws where heads or neurons of one layer cannot be taken out alone, in words */
export function checkSeparateLayers({ family, layers, layerGroups = layers, distanceBuckets }: BertConfig): void {
  if (layerGroups !== layers)
    throw new Error(
      `heads: a layer of this ${family} model is applied several times, and what one use of it can spare another needs; sparsity, low rank and int8 compress it`,
    )
  if (distanceBuckets !== undefined)
    throw new Error(
      `heads: all layers of this ${family} model share one bias for each head, so that none loses heads alone; sparsity, low rank and int8 compress it`,
    )
}
