import { checkSeparateLayers, keptStructure, REFERENCE_FFN, REFERENCE_HEADS } from '../../compress/kept-structure.ts'
import type { LayerShape } from '../../model/shape.ts'
import { LAYER_LINEARS } from '../../model/weights.ts'
import { badNumber } from '../numbers.ts'
import { dense, requireDense } from '../reshape.ts'
import type { ParsedStep, RecipeStep } from '../step.ts'

export interface Heads extends ParsedStep {
  kind: 'heads'
  heads: number
  ffn: number
}

export const heads: RecipeStep<Heads> = {
  kind: 'heads',
  syntax: [
    ['heads<h>-ffn<f>', 'keep h of 12 heads and f of 3072 FFN neurons, or these fractions, e.g. heads8-ffn2048'],
  ],
  parse: (text) => {
    const match = /^heads(\d+)-ffn(\d+)$/.exec(text)
    if (!match) return null
    const [kept, ffn] = [Number(match[1]), Number(match[2])]
    if (!(kept >= 1 && kept <= REFERENCE_HEADS)) throw badNumber(text, `${kept} heads`, `1 to ${REFERENCE_HEADS}`)
    if (!(ffn >= 1 && ffn <= REFERENCE_FFN)) throw badNumber(text, `${ffn} neurons`, `1 to ${REFERENCE_FFN}`)
    return { kind: 'heads', heads: kept, ffn }
  },
  parseOfShape: null,
  leaves: 'cut',
  cannotFollow: {
    int8: 'int8 weights are not cut: put it before q8',
    sparse: 'sparse weights are not cut: put it before the sparsity',
    factors: 'factors have no heads or neurons to cut: put it before the factorisation',
  },
  stage: 'shape',
  texts: () => ({ importance: 'helpful' }),
  changesInputs: true,
  apply: async (model, step, { importance, measureImportance, once, report }) => {
    const { pruneStructure, removeStructure } = await import('../../compress/structure.ts')
    return measureImportance && !importance
      ? pruneStructure(model, step, measureImportance, { progress: report })
      : once(() => removeStructure(model, step, importance))
  },
  reshape: (shape, step) => {
    checkSeparateLayers(shape.config)
    for (const layer of shape.layers) cutLayer(layer, step)
    return shape
  },
  grow: null,
  ranks: null,
}

function cutLayer(layer: LayerShape, step: Heads): void {
  for (const role of LAYER_LINEARS) requireDense(layer[role].weight, step.text)
  const kept = keptStructure(step, { heads: layer.heads, ffn: layer.intermediate.weight.N })
  const width = kept.heads * layer.headSize
  layer.heads = kept.heads
  for (const role of ['query', 'key', 'value'] as const) layer[role].weight = dense(width, layer[role].weight.K)
  layer.attentionOutput.weight = dense(layer.attentionOutput.weight.N, width)
  layer.intermediate.weight = dense(kept.ffn, layer.intermediate.weight.K)
  layer.output.weight = dense(layer.output.weight.N, kept.ffn)
}
