import { NM_GROUP, type PruneRule } from '../../compress/prune-mask.ts'
import { badNumber } from '../numbers.ts'
import { NOT_PRUNED_AFTER } from '../reasons.ts'
import { mapEncoder, requireDense } from '../reshape.ts'
import type { ParsedStep, RecipeStep } from '../step.ts'

export interface Nm extends ParsedStep {
  kind: 'nm'
  n: number
  m: number
}

const rule = ({ n, m }: Nm): PruneRule => ({ kind: 'nm', n, m, group: NM_GROUP })

export const nm: RecipeStep<Nm> = {
  kind: 'nm',
  syntax: [['nm<n>:<m>', 'keep n of every m inputs, shared by 32 outputs, e.g. nm2:4']],
  parse: (text) => {
    const match = /^nm(\d+):(\d+)$/.exec(text)
    if (!match) return null
    const [n, m] = [Number(match[1]), Number(match[2])]
    if (!(n >= 1 && n < m && m <= 64)) throw badNumber(text, `${n} of ${m}`, '1 <= n < m <= 64')
    return { kind: 'nm', n, m }
  },
  parseOfShape: null,
  leaves: 'sparse',
  cannotFollow: NOT_PRUNED_AFTER,
  stage: 'shape',
  texts: () => ({}),
  changesInputs: false,
  apply: async (model, step, { once }) => {
    const { prune } = await import('../../compress/prune.ts')
    return once(() => prune(model, rule(step), step.text))
  },
  reshape: (shape, { n, m, text }) => {
    mapEncoder(shape, (leaf) => {
      const { N, K, shared } = requireDense(leaf, text)
      if (K % m !== 0) throw new Error(`${text}: K = ${K} is not a multiple of ${m}`)
      return { kind: 'nm', N, K, n, m, group: NM_GROUP, shared }
    })
    return shape
  },
  grow: { rule, isGradual: false, by: 'weights' },
  ranks: null,
}
