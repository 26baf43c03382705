// What pruning by one threshold over all matrices makes of a shape.

import { keptCount } from '../compress/prune-mask.ts'
import type { ModelShape } from '../model/shape.ts'
import { mapEncoder, requireDense } from './reshape.ts'

/**
 * The total is exact, each matrix gets its share. Shared factors count once.
 *
 * @param unit outputs and inputs that are pruned together
 */
export function sparsify(
  shape: ModelShape,
  sparsity: number,
  [outputs, inputs]: readonly [number, number],
  step: string,
): ModelShape {
  const unit = outputs * inputs
  const counts = new Map<string, number>()
  let unique = 0
  const leaves: { key: string; units: number }[] = []
  mapEncoder(shape, (leaf) => {
    const { N, K } = requireDense(leaf, step)
    if (K % inputs !== 0) throw new Error(`${step}: K = ${K} is not a multiple of ${inputs}`)
    if (N % outputs !== 0) throw new Error(`${step}: N = ${N} is not a multiple of ${outputs}`)
    const key = leaf.shared ?? `#${unique++}`
    if (!leaves.some((other) => other.key === key)) leaves.push({ key, units: (N * K) / unit })
    return { ...leaf, shared: key }
  })
  const total = leaves.reduce((sum, { units }) => sum + units, 0)
  const kept = keptCount(total, sparsity)
  let before = 0
  for (const { key, units } of leaves) {
    const from = Math.round((before / total) * kept)
    before += units
    counts.set(key, Math.round((before / total) * kept) - from)
  }
  mapEncoder(shape, ({ N, K, shared }) => ({
    kind: 'csr',
    N,
    K,
    nonZeros: counts.get(shared!)! * unit,
    isBlocked: inputs > 1,
    shared: shared!.startsWith('#') ? undefined : shared,
  }))
  return shape
}
