import { svdRank, type RankRule } from '../../compress/ranks.ts'
import { badNumber, NUMBER, rankOf } from '../numbers.ts'
import { NOT_FACTORISED_AFTER } from '../reasons.ts'
import { dense, mapEncoderLinears, requireDense } from '../reshape.ts'
import type { ParsedStep, RecipeStep } from '../step.ts'

export interface Svd extends ParsedStep {
  kind: 'svd' | 'wsvd'
  rank: RankRule
}

/**
 * With more than half of the full rank two factors take more multiplications than the matrix did. A row keeps the first
 * share that holds its F1.
 */
const SHARES = [0.0625, 0.125, 0.1875, 0.25, 0.375, 0.4375]

/** What svd and wsvd have in common. */
export const twoFactors = (
  kind: Svd['kind'],
): Omit<RecipeStep<Svd>, 'syntax' | 'texts' | 'kind'> & { kind: Svd['kind'] } => ({
  kind,
  parse: (text) => {
    const match = new RegExp(`^${kind}:(?:${NUMBER}|e${NUMBER}|${NUMBER}MB)$`).exec(text)
    if (!match) return null
    const [, rank, share, megabytes] = match
    if (rank !== undefined) return { kind, rank: { by: 'rank', R: rankOf(text, rank) } }
    if (share !== undefined) {
      if (!(Number(share) > 0 && Number(share) < 1))
        throw badNumber(text, share, 'a share of the energy between 0 and 1')
      return { kind, rank: { by: 'energy', share: Number(share) } }
    }
    if (!(Number(megabytes) > 0)) throw badNumber(text, `${megabytes} MB`, 'more than 0 MB')
    return { kind, rank: { by: 'bytes', bytes: Number(megabytes) * 1e6 } }
  },
  parseOfShape: null,
  leaves: 'factors',
  cannotFollow: NOT_FACTORISED_AFTER,
  stage: 'shape',
  changesInputs: false,
  apply: async (model, { rank }, { seed, calibration, biasCorrection, report }) => {
    const { factorizeSvd } = await import('../../compress/low-rank.ts')
    return factorizeSvd(model, rank, { seed, calibration, biasCorrection, progress: report, whitened: kind === 'wsvd' })
  },
  reshape: (shape, { rank, text }) => {
    if (rank.by !== 'rank')
      throw new Error(
        `${text}: the ranks depend on the weights; to tell the size without them give a share or a rank, e.g. ` +
          `'${kind}:0.25', or compress the model itself`,
      )
    mapEncoderLinears(shape, (weight) => {
      const { N, K } = requireDense(weight, text)
      const R = svdRank(N, K, rank.R)
      return { kind: 'chain', N, K, factors: [dense(R, K), dense(N, R)] }
    })
    return shape
  },
  grow: null,
  ranks: { shares: SHARES },
})

export const svd: RecipeStep<Svd> = {
  ...twoFactors('svd'),
  syntax: [
    ['svd:<R>', 'two factors per layer; R up to 1 is a share of the full rank, above 1 a rank, e.g. svd:0.25'],
    ['svd:e<E>', 'the same at the lowest ranks that keep the share E of the energy, e.g. svd:e0.9'],
    ['svd:<N>MB', 'the same at the ranks that fit the encoder into N MB with the least loss, e.g. svd:2.5MB'],
  ],
  texts: () => ({ inputs: 'helpful' }),
}
