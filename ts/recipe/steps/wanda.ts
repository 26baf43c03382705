import { cubicSparsity, keptCount, type PruneRule } from '../../compress/prune-mask.ts'
import { shareOf } from '../numbers.ts'
import { NOT_PRUNED_AFTER } from '../reasons.ts'
import { mapEncoder, requireDense } from '../reshape.ts'
import type { ParsedStep, RecipeStep } from '../step.ts'

export interface Wanda extends ParsedStep {
  kind: 'wanda'
  sparsity: number
  /** 1x4 blocks, not single weights */
  blocks: boolean
}

const rule = ({ blocks }: Wanda, sparsity: number): PruneRule => ({ kind: 'wanda', blocks, sparsity })

export const wanda: RecipeStep<Wanda> = {
  kind: 'wanda',
  syntax: [
    ['wanda<NN>', 'drop NN % of each output by magnitude times input norm, e.g. wanda80; wanda80x4: in blocks of 1x4'],
  ],
  parse: (text) => {
    const match = /^wanda(\d+(?:\.\d+)?)(x4)?$/.exec(text)
    return match && { kind: 'wanda', sparsity: shareOf(text, match[1]), blocks: match[2] !== undefined }
  },
  parseOfShape: null,
  leaves: 'sparse',
  cannotFollow: NOT_PRUNED_AFTER,
  stage: 'shape',
  texts: () => ({ inputs: 'needed' }),
  changesInputs: false,
  apply: async (model, step, { once, calibration }) => {
    const { prune } = await import('../../compress/prune.ts')
    return once(() => prune(model, rule(step, step.sparsity), step.text, calibration))
  },
  reshape: (shape, { sparsity, blocks, text }) => {
    const width = blocks ? 4 : 1
    mapEncoder(shape, (leaf) => {
      const { N, K, shared } = requireDense(leaf, text)
      if (K % width !== 0) throw new Error(`${text}: K = ${K} is not a multiple of ${width}`)
      return { kind: 'csr', N, K, nonZeros: N * keptCount(K / width, sparsity) * width, isBlocked: blocks, shared }
    })
    return shape
  },
  grow: { rule: (step, done) => rule(step, cubicSparsity(done, 0, step.sparsity)), isGradual: true, by: 'inputs' },
  ranks: null,
}
