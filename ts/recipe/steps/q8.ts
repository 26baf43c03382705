import { quantizeLinears } from '../../compress/quantize.ts'
import type { PlannedLeaf } from '../../model/shape.ts'
import { mapEncoder, mapLeaves } from '../reshape.ts'
import type { ParsedStep, RecipeStep } from '../step.ts'

export interface Q8 extends ParsedStep {
  kind: 'q8'
  perTensor?: true
  isStatic?: true
}

export const q8: RecipeStep<Q8> = {
  kind: 'q8',
  syntax: [
    ['q8', 'int8 linear layers, symmetric, one scale per output; activations are quantized per token on the way'],
    ['q8:tensor', 'the same with one weight scale per layer'],
    ['q8:static', 'the same with activation scales that are calibrated once'],
    ['q8:tensor,static', 'both'],
  ],
  parse: (text) => {
    if (!['q8', 'q8:tensor', 'q8:static', 'q8:tensor,static', 'q8:static,tensor'].includes(text)) return null
    return {
      kind: 'q8',
      ...(text.includes('tensor') && { perTensor: true }),
      ...(text.includes('static') && { isStatic: true }),
    }
  },
  parseOfShape: null,
  leaves: 'int8',
  cannotFollow: {},
  stage: 'store',
  texts: ({ isStatic }) => (isStatic ? { inputs: 'needed' } : {}),
  changesInputs: false,
  apply: (model, step, { once, calibration, keepFloat }) =>
    once(() => quantizeLinears(model, { ...step, calibration, keepFloat })),
  reshape: (shape, { text }) => {
    mapEncoder(shape, (leaf) => quantized(leaf, text))
    for (const part of [shape.projection, shape.pooler, shape.classifier])
      if (part) part.weight = mapLeaves(part.weight, (leaf) => quantized(leaf, text))
    return shape
  },
  grow: null,
  ranks: null,
}

function quantized(leaf: PlannedLeaf, step: string): PlannedLeaf {
  const { N, K, shared } = leaf
  if (leaf.kind === 'int8' || leaf.kind === 'int8-1x4')
    throw new Error(`${step}: the layer is stored as ${leaf.kind} already`)
  if (leaf.kind === 'csr' && leaf.isBlocked) return { kind: 'int8-1x4', N, K, blocks: leaf.nonZeros / 4, shared }
  return { kind: 'int8', N, K, shared }
}
