// The layers of a model and where its bytes are.

import { ledgerOfModel } from '../ts/model/ledger.ts'
import { linearShapes, shapeOfModel, slotBytes, tensorSlots, type LinearShape } from '../ts/model/shape.ts'
import type { Inspected, LayerBytes, ModelChoice } from './messages.ts'
import { variantFor, type Say } from './open.ts'

/** Groups add up to the file, header included. A layer's bytes are those of its weight, bias, scales and masks; factors that layers share count in each. */
export async function inspect(choice: ModelChoice, variant: string, say: Say): Promise<Inspected> {
  const { weights } = await variantFor(choice, variant, say)
  const { bytes, params, groups } = ledgerOfModel(weights, { header: true })
  const shape = shapeOfModel(weights)
  const { config } = weights
  const layers = new Map<string, LayerBytes>()
  const linears = new Map([...linearShapes(shape)].map(({ stem, linear }) => [stem, linear.weight]))
  const tables = { word: shape.word, position: shape.position, type: shape.type }
  for (const slot of tensorSlots(shape)) {
    const stem = [...linears.keys()].find((name) => slot.name.startsWith(`${name}.`)) ?? slot.name.replace(/\.\w+$/, '')
    const linear = linears.get(stem)
    const table = slot.group in tables ? tables[slot.group as keyof typeof tables] : undefined
    const size = linear ? [linear.N, linear.K] : table ? [table.rows, table.width] : slot.shape
    const row = layers.get(stem) ?? {
      name: stem,
      shape: size.join(' x '),
      kind: linear ? kindOf(linear) : slot.kind,
      density: linear ? storedWeights(linear) / (linear.N * linear.K) : 1,
      bytes: 0,
    }
    row.bytes += slotBytes(slot)
    layers.set(stem, row)
  }
  return {
    recipe: config.recipe,
    bytes,
    params,
    labels: config.labels,
    maxPositions: config.maxPositions,
    groups,
    layers: [...layers.values()],
  }
}

/** 'f32', or 'f32 · f32, R = 96' for factors */
function kindOf(weight: LinearShape): string {
  if (weight.kind !== 'chain') return weight.kind
  const ranks = weight.factors.slice(0, -1).map(({ N }) => N)
  return `${weight.factors.map(({ kind }) => kind).join(' · ')}, R = ${ranks.join(', ')}`
}

function storedWeights(weight: LinearShape): number {
  switch (weight.kind) {
    case 'chain':
      return weight.factors.reduce((sum, factor) => sum + storedWeights(factor), 0)
    case 'csr':
      return weight.nonZeros
    case 'int8-1x4':
      return weight.blocks * 4
    case 'nm':
      return (weight.N * weight.K * weight.n) / weight.m
    default:
      return weight.N * weight.K
  }
}
