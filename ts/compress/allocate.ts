// One candidate for every group, so that a budget is kept: the multiple-choice knapsack. Costs are counted in bins of
// the budget, which makes dynamic programming exact up to the bins; what the bins leave over is then filled greedily.

/** One storage format of one layer. */
export interface Choice {
  /** bytes or milliseconds */
  cost: number
  /** what it loses; sums over the layers */
  loss: number
}

/** Even the least of everything is above the limit. */
export class InfeasibleError extends Error {
  /** the smallest sum there is */
  readonly least: number

  constructor(least: number, limit: number) {
    super(`allocate: the smallest sum is ${least}, above the limit ${limit}`)
    this.least = least
  }
}

const BINS = 8192

/**
 * The choice of least summed loss whose summed cost stays within `budget`.
 *
 * It is never worse than the best choice for a budget whose excess over the cheapest sum is smaller by the share
 * groups / 8192, and mostly the best one.
 *
 * @returns an index per group
 * @throws InfeasibleError where the cheapest choices cost more; an Error where a group is empty
 */
export function leastLoss(groups: readonly (readonly Choice[])[], budget: number): number[] {
  return allocate(
    groups.map((group) => group.map(({ cost, loss }) => ({ weight: cost, value: loss }))),
    budget,
  )
}

/** The cheapest choice whose summed loss stays within `bound`; see `leastLoss`, with cost and loss exchanged. */
export function leastCost(groups: readonly (readonly Choice[])[], bound: number): number[] {
  return allocate(
    groups.map((group) => group.map(({ cost, loss }) => ({ weight: loss, value: cost }))),
    bound,
  )
}

interface Item {
  weight: number
  value: number
}

/** The items' indices by rising weight and falling value: no other one is as light and as good. */
function paretoFront(items: readonly Item[]): number[] {
  const order = items.map((_, i) => i)
  order.sort((i, j) => items[i].weight - items[j].weight || items[i].value - items[j].value || i - j)
  const front: number[] = []
  for (const i of order)
    if (items[i].value < (front.length ? items[front[front.length - 1]].value : Infinity)) front.push(i)
  return front
}

/** Least summed value with summed weight within `limit`. */
function allocate(groups: readonly (readonly Item[])[], limit: number): number[] {
  const fronts = groups.map(paretoFront)
  if (fronts.some((front) => front.length === 0)) throw new Error('allocate: a group has no candidates with numbers')
  const lightest = fronts.map((front, g) => groups[g][front[0]].weight)
  const base = lightest.reduce((sum, weight) => sum + weight, 0)
  // sums of the same numbers in another order may differ in the last bits
  if (!(base <= limit + 1e-12 * Math.abs(limit))) throw new InfeasibleError(base, limit)
  const excess = Math.max(0, limit - base)
  // Weights are rounded up to bins, each by less than one: sums up to BINS + groups may still fit.
  const bins = BINS + groups.length
  const inBins = (g: number, item: Item): number =>
    item.weight === lightest[g] ? 0 : Math.ceil(((item.weight - lightest[g]) / excess) * BINS)
  let best = new Float64Array(bins + 1)
  const picks = fronts.map((front, g) => {
    const next = new Float64Array(bins + 1).fill(Infinity)
    const pick = new Int32Array(bins + 1)
    for (const i of front) {
      const item = groups[g][i]
      const width = inBins(g, item)
      if (!(width <= bins)) break
      for (let bin = width; bin <= bins; bin++) {
        const value = best[bin - width] + item.value
        if (value < next[bin]) {
          next[bin] = value
          pick[bin] = i
        }
      }
    }
    best = next
    return pick
  })
  const trace = (bin: number): number[] => {
    const chosen = new Array<number>(groups.length)
    for (let g = groups.length - 1; g >= 0; g--) {
      chosen[g] = picks[g][bin]
      bin -= inBins(g, groups[g][chosen[g]])
    }
    return chosen
  }
  const weightOf = (chosen: number[]): number => chosen.reduce((sum, i, g) => sum + groups[g][i].weight, 0)
  let bin = bins
  let chosen = trace(bin)
  while (bin > BINS && weightOf(chosen) > limit) chosen = trace(--bin)
  fill(groups, chosen, limit - weightOf(chosen))
  return chosen
}

/** Takes the step that gains most while one still fits. */
function fill(groups: readonly (readonly Item[])[], chosen: number[], left: number): void {
  for (;;) {
    let gain = 0
    let [group, item] = [-1, -1]
    groups.forEach((items, g) =>
      items.forEach(({ weight, value }, i) => {
        const now = items[chosen[g]]
        if (weight - now.weight <= left && now.value - value > gain) [gain, group, item] = [now.value - value, g, i]
      }),
    )
    if (group < 0) return
    left -= groups[group][item].weight - groups[group][chosen[group]].weight
    chosen[group] = item
  }
}
