import { commonCores, tuckerRanks } from '../../compress/ranks.ts'
import type { LayerShape, ModelShape, PlannedLeaf } from '../../model/shape.ts'
import { LAYER_LINEARS } from '../../model/weights.ts'
import { NUMBER, rankOf } from '../numbers.ts'
import { NOT_FACTORISED_AFTER } from '../reasons.ts'
import { dense, requireDense } from '../reshape.ts'
import type { ParsedStep, RecipeStep } from '../step.ts'

export interface Tucker extends ParsedStep {
  kind: 'tucker' | 'wtucker' | 'tucker3'
  R: number
}

/**
 * With more than 0.4 of the full rank two outer factors and a core take more multiplications than the matrix did. A row
 * keeps the first share that holds its F1.
 */
const SHARES = [0.0625, 0.125, 0.1875, 0.25, 0.375]

/** What tucker, wtucker and tucker3 have in common. */
export const sharedFactors = (
  kind: Tucker['kind'],
): Omit<RecipeStep<Tucker>, 'syntax' | 'texts' | 'kind'> & { kind: Tucker['kind'] } => ({
  kind,
  parse: (text) => {
    const match = new RegExp(`^${kind}:${NUMBER}$`).exec(text)
    return match && { kind, R: rankOf(text, match[1]) }
  },
  parseOfShape: null,
  leaves: 'factors',
  cannotFollow: NOT_FACTORISED_AFTER,
  stage: 'shape',
  changesInputs: false,
  apply: async (model, { R }, { seed, calibration, biasCorrection, report }) => {
    const { factorizeTucker } = await import('../../compress/factorize-tucker.ts')
    return factorizeTucker(model, R, {
      seed,
      calibration,
      biasCorrection,
      progress: report,
      whitened: kind === 'wtucker',
      mixed: kind === 'tucker3',
    })
  },
  reshape: (shape, step) => reshape(shape, step),
  grow: null,
  ranks: { shares: SHARES },
})

export const tucker: RecipeStep<Tucker> = {
  ...sharedFactors('tucker'),
  syntax: [['tucker:<R>', 'factors shared by the layers of a role; R as in svd, e.g. tucker:0.25']],
  texts: () => ({ inputs: 'helpful' }),
}

/** One decomposition per role and shape; the outer factors are shared, unless contracting them is smaller. */
function reshape(shape: ModelShape, { kind, R, text }: Tucker): ModelShape {
  for (const role of LAYER_LINEARS) {
    const groups = new Map<string, LayerShape[]>()
    for (const layer of shape.layers) {
      const { N, K } = requireDense(layer[role].weight, text)
      groups.set(`${N} ${K}`, [...(groups.get(`${N} ${K}`) ?? []), layer])
    }
    for (const [key, layers] of groups) {
      const { N, K } = layers[0][role].weight
      const factors = factorsOf(layers.length, N, K, R, { name: `${text} ${role} ${key}`, isMixed: kind === 'tucker3' })
      for (const layer of layers) layer[role].weight = { kind: 'chain', N, K, factors }
    }
  }
  return shape
}

function factorsOf(
  L: number,
  N: number,
  K: number,
  R: number,
  { name, isMixed }: { name: string; isMixed: boolean },
): PlannedLeaf[] {
  const [r1, r2] = tuckerRanks(L, N, K, R)
  const [first, last] = [dense(r2, K, `${name} first`), dense(N, r1, `${name} last`)]
  if (isMixed) return [first, { kind: 'mixed', N: r1, K: r2, terms: commonCores(L), shared: `${name} cores` }, last]
  const shared = K * r2 + L * r1 * r2 + N * r1
  const contracted = Math.min(L * K * r1 + N * r1, K * r2 + L * N * r2)
  // the same choice as contractChain: the cheaper neighbour per token, the smaller one where they are equal
  const three = K * r2 + r1 * r2 + N * r1
  const [intoFirst, intoLast] = [K * r1 + N * r1, K * r2 + N * r2]
  if (!(contracted <= shared && Math.min(intoFirst, intoLast) < three)) return [first, dense(r1, r2), last]
  const usesFirst = intoFirst < intoLast || (intoFirst === intoLast && K <= N)
  return usesFirst ? [dense(r1, K), last] : [first, dense(N, r2)]
}
