// Steps `tucker:<R>`, `wtucker:<R>` and `tucker3:<R>` over a model: the layers of one role and shape share their outer factors.

import type { ChainWeight, LinearWeight } from '../../kernels/program/weights.ts'
import { LAYER_LINEARS } from '../model/weights.ts'
import type { ModelWeights } from '../model/weights.ts'
import { centered, correctedBias, inputsOf } from './bias.ts'
import { breathe, encoderLinears, formatCount, requireDense, withEncoderWeights } from './dense.ts'
import { requireFinite } from './finite.ts'
import type { EncoderLinear, StepResult } from './dense.ts'
import { sumOfSquares } from './linear-algebra.ts'
import type { LowRankOptions } from './low-rank.ts'
import { commonCores, tuckerRanks } from './ranks.ts'
import { chainsFromTucker, storedElements, tucker2 } from './tucker.ts'
import type { Tucker2 } from './tucker.ts'
import { chainsFromTucker3, mixCores } from './tucker3.ts'
import { whitenedTucker2 } from './whiten-stack.ts'

export interface TuckerOptions extends LowRankOptions {
  /** cores mixed from common ones: Tucker-3 */
  mixed?: boolean
}

/**
 * Steps `tucker:<R>`, `wtucker:<R>` and `tucker3:<R>`: one decomposition per role and shape over all layers.
 *
 * @throws where a layer is not dense f32, or whitening has no calibration of it
 */
export async function factorizeTucker(model: ModelWeights, R: number, options: TuckerOptions): Promise<StepResult> {
  const { calibration, whitened = false, mixed = false, biasCorrection = calibration !== undefined } = options
  const step = whitened ? 'wtucker' : mixed ? 'tucker3' : 'tucker'
  const linears = encoderLinears(model)
  const groups = groupByShape(linears)
  const weights: LinearWeight[] = new Array(linears.length)
  const biases = linears.map(({ linear }) => linear.bias)
  const notes: string[] = []
  let before = 0
  let after = 0
  for (const [g, members] of groups.entries()) {
    const matrices = members.map((i) => {
      const { stem, linear } = linears[i]
      const { data, K } = requireDense(linear.weight, stem, step)
      requireFinite(data, K, stem)
      return data
    })
    const { role, linear } = linears[members[0]]
    const { N, K } = linear.weight
    const ranks = tuckerRanks(members.length, N, K, R)
    const isCapped = R > 1 && ranks.some((rank) => rank < Math.round(R))
    const seeded = { seed: options.seed + g }
    const sums = whitened || biasCorrection ? members.map((i) => inputsOf(calibration, linears[i].stem, step)) : []
    let tucker: Tucker2 = whitened
      ? await whitenedTucker2(matrices, [N, K], ranks, (l) => (biasCorrection ? centered(sums[l]) : sums[l]), seeded)
      : await tucker2(matrices, [N, K], ranks, seeded)
    const iterations = tucker.errors.length - 1
    let chains: ChainWeight[]
    if (mixed) {
      const norms = matrices.map((data) => Math.sqrt(sumOfSquares(data)))
      const third = mixCores(tucker, norms, commonCores(members.length))
      tucker = third
      chains = chainsFromTucker3(third, N, K)
    } else chains = chainsFromTucker(tucker, N, K)
    for (const [l, i] of members.entries()) {
      weights[i] = chains[l]
      if (biasCorrection) biases[i] = correctedBias(linears[i].linear, chains[l], sums[l])
    }
    const stored = storedElements(chains)
    before += members.length * N * K
    after += stored
    notes.push(
      `${step}:${R} ${role}: ${members.length} x [${N}, ${K}] at ranks ${ranks[0]}, ${ranks[1]}${isCapped ? `, held to the full ones of ${N} x ${K}` : ''}; relative error ` +
        `${whitened ? 'of the outputs ' : ''}${tucker.errors.at(-1)!.toFixed(3)} after ${iterations} HOOI iterations` +
        (stored >= members.length * N * K ? '; LARGER than the dense layers, choose a smaller R' : ''),
    )
    options.progress?.(g + 1, groups.length)
    await breathe()
  }
  notes.unshift(
    `${step}:${R}: ${formatCount(before)} encoder weights became ${formatCount(after)}` +
      (biasCorrection ? '; biases corrected' : ''),
  )
  return { model: withEncoderWeights(model, weights, biases), notes }
}

/** Indices into `linears`, grouped by role and shape, in order of role. */
function groupByShape(linears: readonly EncoderLinear[]): number[][] {
  const groups = new Map<string, number[]>()
  for (const role of LAYER_LINEARS)
    linears.forEach((entry, i) => {
      if (entry.role !== role) return
      const key = `${role} ${entry.linear.weight.N} ${entry.linear.weight.K}`
      groups.set(key, [...(groups.get(key) ?? []), i])
    })
  return [...groups.values()]
}
