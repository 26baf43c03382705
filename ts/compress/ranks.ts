// How high the rank of each layer should be: from a number, from the energy to keep, or from a budget that all layers
// share. No rule goes above break-even, where two factors hold as many weights as the matrix itself.

/** Ranks of matrices whose smaller side is at least this are multiples of RANK_STEP, for the kernels' tiles. */
const ROUNDED_FROM = 64
const RANK_STEP = 8

/** What a step says about ranks. */
export type RankRule =
  /** R <= 1: a share of the full rank; above 1: a rank */
  | { by: 'rank'; R: number }
  /** the smallest rank that keeps this share of the squared norm (of the outputs, where they are known) */
  | { by: 'energy'; share: number }
  /** all encoder linears together, biases included, in f32 */
  | { by: 'bytes'; bytes: number }

/** The rank at which two factors hold as many weights as the matrix itself. */
export function breakEvenRank(N: number, K: number): number {
  return Math.floor((N * K) / (N + K))
}

/** R as a share of the full rank min(N, K) where R <= 1, else as a rank; rounded, at least 1, at most `limit`. */
export function roundRank(N: number, K: number, R: number, limit: number): number {
  const full = Math.min(N, K)
  const wanted = R <= 1 ? R * full : R
  if (full < ROUNDED_FROM || limit < RANK_STEP) return Math.max(1, Math.min(limit, Math.round(wanted)))
  const steps = Math.max(1, Math.round(wanted / RANK_STEP))
  return Math.min(steps, Math.floor(limit / RANK_STEP)) * RANK_STEP
}

/** The rank that `svd:<R>` gives a matrix [N, K]: never above break-even, so that no layer grows. */
export function svdRank(N: number, K: number, R: number): number {
  return roundRank(N, K, R, Math.max(1, breakEvenRank(N, K)))
}

/** The ranks that a matrix [N, K] may get, rising, the last one at or below break-even. */
export function rankCandidates(N: number, K: number): number[] {
  const limit = Math.max(1, breakEvenRank(N, K))
  const step = Math.min(N, K) < ROUNDED_FROM || limit < RANK_STEP ? 1 : RANK_STEP
  return Array.from({ length: Math.floor(limit / step) }, (_, i) => (i + 1) * step)
}

/**
 * The smallest candidate that keeps `share` of the energy, the highest candidate where none does.
 *
 * @param tail squared error at every rank from 0, as in Spectrum
 */
export function energyRank(N: number, K: number, tail: Float64Array, share: number): number {
  const candidates = rankCandidates(N, K)
  return candidates.find((R) => tail[R] <= (1 - share) * tail[0]) ?? candidates.at(-1)!
}

/** What one layer may become: choices of equal length, in any order. */
export interface Choices {
  /** what each is, e.g. its rank */
  ranks: readonly number[]
  /** relative loss of each, e.g. tail[R] / tail[0] */
  losses: readonly number[]
  /** cost of each, in the budget's unit: bytes, milliseconds */
  costs: readonly number[]
}

/** A layer's ranks with their relative losses, priced by `cost`. */
export function rankChoices(N: number, K: number, tail: Float64Array, cost: (R: number) => number): Choices {
  const ranks = rankCandidates(N, K)
  return { ranks, losses: ranks.map((R) => (tail[0] > 0 ? tail[R] / tail[0] : 0)), costs: ranks.map(cost) }
}

/**
 * One rank per layer, so that the costs add up to at most `budget` and the losses to as little as that allows: always
 * the step with the most loss saved per cost, along each layer's lower convex hull. That is the optimum for the cost it
 * reaches; what is left of the budget then goes to the best single changes that fit.
 *
 * @returns the rank of each layer, in order
 * @throws where even the cheapest choices cost more than the budget
 */
export function chooseRanks(layers: readonly Choices[], budget: number): number[] {
  const hulls = layers.map(lowerHull)
  const at = hulls.map(() => 0)
  let spent = hulls.reduce((sum, hull, l) => sum + layers[l].costs[hull[0]], 0)
  if (!(spent <= budget))
    throw new Error(`ranks: the budget is ${budget}, the lowest ranks cost ${spent}; give at least that much`)
  for (;;) {
    let best = { gain: 0, layer: -1, cost: 0 }
    for (const [l, hull] of hulls.entries()) {
      const [from, to] = [hull[at[l]], hull[at[l] + 1]]
      if (to === undefined) continue
      const cost = layers[l].costs[to] - layers[l].costs[from]
      const gain = (layers[l].losses[from] - layers[l].losses[to]) / cost
      // along a hull gains fall, so a step that does not fit ends its layer's walk, not the others'
      if (gain > best.gain && spent + cost <= budget) best = { gain, layer: l, cost }
    }
    if (best.layer < 0) break
    at[best.layer]++
    spent += best.cost
  }
  const chosen = hulls.map((hull, l) => hull[at[l]])
  while (improveOne(layers, chosen, budget));
  return chosen.map((i, l) => layers[l].ranks[i])
}

/** Takes the one change that saves the most loss within the budget; false where there is none. */
function improveOne(layers: readonly Choices[], chosen: number[], budget: number): boolean {
  const spent = chosen.reduce((sum, i, l) => sum + layers[l].costs[i], 0)
  let best = { saved: 0, layer: -1, choice: 0 }
  for (const [l, { losses, costs }] of layers.entries())
    for (let i = 0; i < costs.length; i++) {
      const saved = losses[chosen[l]] - losses[i]
      if (saved > best.saved && spent - costs[chosen[l]] + costs[i] <= budget) best = { saved, layer: l, choice: i }
    }
  if (best.layer < 0) return false
  chosen[best.layer] = best.choice
  return true
}

/** Indices of the choices on the lower convex hull of (cost, loss), by rising cost; measured costs may come unordered. */
function lowerHull({ losses, costs }: Choices): number[] {
  if (costs.length === 0 || costs.length !== losses.length)
    throw new Error(`ranks: ${costs.length} costs and ${losses.length} losses, expected one of each per choice`)
  const order = Array.from(costs.keys()).sort((i, j) => costs[i] - costs[j] || losses[i] - losses[j])
  const hull: number[] = []
  for (const i of order) {
    if (hull.length > 0 && losses[i] >= losses[hull.at(-1)!]) continue
    while (hull.length >= 2) {
      const [a, b] = [hull.at(-2)!, hull.at(-1)!]
      const slope = (losses[a] - losses[b]) / (costs[b] - costs[a])
      if ((losses[a] - losses[i]) / (costs[i] - costs[a]) < slope) break
      hull.pop()
    }
    hull.push(i)
  }
  return hull
}
