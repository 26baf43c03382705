// Three factors with shared ends are the small form on disk; two run faster.

import type { ChainWeight, DenseWeight } from '../program/weights.ts'

/**
 * A chain of three f32 factors with its middle one multiplied into a neighbour (sums in f64), where the two that remain
 * cost fewer multiplications per token; any other chain as it is. For the time a model is loaded.
 */
export function contractChain(chain: ChainWeight): ChainWeight {
  const [first, middle, last] = chain.factors
  if (chain.factors.length !== 3 || first.kind !== 'f32' || middle.kind !== 'f32' || last.kind !== 'f32') return chain
  const three = first.K * first.N + middle.K * middle.N + last.K * last.N
  const intoFirst = first.K * middle.N + last.K * last.N
  const intoLast = first.K * first.N + middle.K * last.N
  if (Math.min(intoFirst, intoLast) >= three) return chain
  // equal costs: the smaller neighbour, whose product is the smaller one to make and to keep
  const useFirst = intoFirst < intoLast || (intoFirst === intoLast && first.K <= last.N)
  return { ...chain, factors: useFirst ? [compose(first, middle), last] : [first, compose(middle, last)] }
}

/** The one matrix [b.N, a.K] that does what `a` and then `b` do: B A. */
function compose(a: DenseWeight, b: DenseWeight): DenseWeight {
  const data = new Float32Array(b.N * a.K)
  const row = new Float64Array(a.K)
  for (let n = 0; n < b.N; n++) {
    row.fill(0)
    for (let r = 0; r < b.K; r++) {
      const factor = b.data[n * b.K + r]
      for (let k = 0; k < a.K; k++) row[k] += factor * a.data[r * a.K + k]
    }
    data.set(row, n * a.K)
  }
  return { kind: 'f32', N: b.N, K: a.K, data }
}
