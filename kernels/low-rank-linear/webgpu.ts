// Two dense f32 factors in one dispatch on the GPU, where rows are few; variants.ts says how few.

import { bindVariants, type Offers } from '../webgpu/bind-variants.ts'
import { padded, type CallVariant, type KernelCall, type Slot } from '../webgpu/call.ts'
import { columnStarts, denseDims, type LinearSpec } from '../webgpu/linear.ts'
import type { Uploader } from '../webgpu/upload.ts'
import type { WebgpuVariant } from '../program/variants.ts'
import type { DenseWeight } from '../program/weights.ts'
import { LOW_RANK_WEBGPU, type FactorsSize } from './variants.ts'

/** Of the slots of dense layers, and after those that both kernels have. */
const [INPUT_BINDING, WEIGHT_BINDING, FACTOR_BINDING] = [1, 2, 8]

/** What the variants depend on, of one factor and the last factors of up to three chains that read it. */
export function factorsSize(
  { K }: DenseWeight,
  parts: LinearSpec<DenseWeight>['parts'],
  bytesPerWeight: number,
): FactorsSize {
  const ranks = parts[0].weight.K
  const { starts, columns } = columnStarts(parts)
  const widths = starts.map((start, i) => (starts[i + 1] ?? columns) - start)
  return { factorBytes: padded(K) * padded(ranks) * bytesPerWeight, ranks, widths }
}

/** True where a first factor and those after it have a variant in one dispatch, for any number of rows. */
export const isFusable = (size: FactorsSize): boolean => LOW_RANK_WEBGPU.some(({ fits }) => fits(size))

/**
 * The variants of `call`, the last factors of up to three chains, that also do what `before` does, their first factors
 * side by side. They share the packed weights of both.
 *
 * @param first what `before` was made of: one part, with no epilogue
 */
export function fusedVariants(
  first: LinearSpec<DenseWeight>,
  before: KernelCall,
  spec: LinearSpec<DenseWeight>,
  call: KernelCall,
  size: FactorsSize,
  offers: Offers,
  uploader: Uploader,
): CallVariant<WebgpuVariant>[] {
  const { K } = first.parts[0].weight
  const slots: Slot[] = [
    ...call.variants[0].slots.slice(0, FACTOR_BINDING).with(INPUT_BINDING, { from: 'buffer', id: first.input }),
    before.variants[0].slots[WEIGHT_BINDING],
    { from: 'weight', buffer: uploader.dims([...denseDims(spec), padded(K)]) },
  ]
  return bindVariants(LOW_RANK_WEBGPU, {
    offers,
    size,
    operands: { factors: () => slots },
    columns: Math.max(...size.widths),
    layers: spec.parts.length,
  })
}
