import type { PlannedLeaf } from '../../model/shape.ts'
import { mapEncoder, mapLeaves } from '../reshape.ts'
import type { ParsedStep, RecipeStep } from '../step.ts'

export interface Q8 extends ParsedStep {
  kind: 'q8'
  perTensor?: true
  isStatic?: true
  shifts?: true
  compensates?: true
}

const OPTIONS: Record<string, Omit<Q8, 'kind' | 'text'>> = {
  tensor: { perTensor: true },
  static: { isStatic: true },
  shift: { shifts: true },
  gptq: { compensates: true },
}

export const q8: RecipeStep<Q8> = {
  kind: 'q8',
  syntax: [
    ['q8', 'int8 linear layers, symmetric, one scale per output; activations are quantized per token on the way'],
    ['q8:tensor', 'the same with one weight scale per layer'],
    ['q8:static', 'the same with activation scales that are calibrated once'],
    ['q8:shift', 'the same with the mean of what enters the layers in the biases: finer steps for what is left'],
    ['q8:gptq', 'the same, each weight rounded so that the next ones make up for what it is off by'],
    ['q8:tensor,static', 'both; q8:shift,gptq too, in lists of recipes q8:shift:gptq'],
  ],
  parse: (text) => {
    const [, list] = /^q8(?::(.+))?$/.exec(text) ?? []
    // a colon where a list of recipes has commas
    const names = list?.split(/[,:]/) ?? []
    if (!/^q8(:.|$)/.test(text) || names.some((name) => !Object.hasOwn(OPTIONS, name))) return null
    if (new Set(names).size < names.length) return null
    return Object.assign({ kind: 'q8' as const }, ...names.map((name) => OPTIONS[name])) as Omit<Q8, 'text'>
  },
  parseOfShape: null,
  leaves: 'int8',
  cannotFollow: {},
  stage: 'store',
  texts: ({ isStatic, shifts, compensates }) => (isStatic || shifts || compensates ? { inputs: 'needed' } : {}),
  changesInputs: false,
  apply: (model, { perTensor, isStatic, shifts, compensates }, { once, calibration, keepFloat }) =>
    once(async () => {
      const { quantizeLinears } = await import('../../compress/quantize.ts')
      if (compensates && !calibration)
        throw new Error('q8:gptq: found no calibration; give texts to calibrate on (--data FILE, in code calibration)')
      const { compensator } = await import('../../compress/compensate.ts')
      const compensation = compensates ? compensator(calibration!, shifts === true) : undefined
      const options = { perTensor, isStatic, compensation, calibration, keepFloat }
      if (!shifts) return quantizeLinears(model, options)
      if (isStatic)
        throw new Error('q8: scales that are calibrated before the means are moved would not fit: give static or shift')
      const { shiftInputs } = await import('../../compress/shift.ts')
      const { model: made, notes } = quantizeLinears(shiftInputs(model, calibration), options)
      return { model: made, notes: [...notes, 'q8: means of what enters the layers moved into biases'] }
    }),
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
