// How high the rank of each layer should be: from a number, from the energy to keep, or from a budget that all layers
// share. No rule goes above break-even, where two factors hold as many weights as the matrix itself.

import { InfeasibleError, leastLoss } from './allocate.ts'

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

/**
 * That a rule asked a matrix for more than break-even, which its rank is held to.
 * @param tail as of `energyRank`
 */
export function isCapped(N: number, K: number, rule: RankRule, tail: Float64Array | null): boolean {
  const most = rankCandidates(N, K).at(-1)!
  if (rule.by === 'bytes') return false
  if (rule.by === 'energy') return tail !== null && tail[most] > (1 - rule.share) * tail[0]
  return (rule.R <= 1 ? rule.R * Math.min(N, K) : rule.R) > breakEvenRank(N, K)
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
 * One rank per layer, so that the costs add up to at most `budget` and the losses to as little as that allows.
 *
 * @returns the rank of each layer, in order
 * @throws where even the cheapest choices cost more than the budget
 */
export function chooseRanks(layers: readonly Choices[], budget: number): number[] {
  const groups = layers.map(({ losses, costs }) => {
    if (costs.length === 0 || costs.length !== losses.length)
      throw new Error(`ranks: ${costs.length} costs and ${losses.length} losses, expected one of each per choice`)
    return costs.map((cost, i) => ({ cost, loss: losses[i] }))
  })
  try {
    return leastLoss(groups, budget).map((i, l) => layers[l].ranks[i])
  } catch (error) {
    if (!(error instanceof InfeasibleError)) throw error
    throw new Error(`ranks: the budget is ${budget}, the lowest ranks cost ${error.least}; give at least that much`, {
      cause: error,
    })
  }
}

/**
 * The ranks [r1 of N, r2 of K] that `tucker:<R>` gives L stacked matrices [N, K]. R < 1 is a share of the largest rank
 * that one matrix can have, min(N, K), for both modes; R = 1 is the full rank of each mode of the stack, which
 * reproduces it and saves nothing; R > 1 is an absolute rank.
 */
export function tuckerRanks(L: number, N: number, K: number, R: number): [number, number] {
  const full: [number, number] = [Math.min(N, L * K), Math.min(K, L * N)]
  if (R === 1) return full
  if (R > 1) return [Math.min(Math.round(R), full[0]), Math.min(Math.round(R), full[1])]
  const rank = roundRank(N, K, R, Math.min(N, K))
  return [rank, rank]
}

/** How many common cores `tucker3:<R>` gives L layers: half as many, rounded up. */
export const commonCores = (L: number): number => Math.ceil(L / 2)
