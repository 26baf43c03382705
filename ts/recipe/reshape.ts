// How steps change a model's shape: the parts that several steps share.

import { LAYER_LINEARS } from '../model/weights.ts'
import type { LinearShape, ModelShape, PlannedLeaf } from '../model/shape.ts'

export type Planned = PlannedLeaf | { kind: 'chain'; N: number; K: number; factors: PlannedLeaf[] }

export const dense = (N: number, K: number, shared?: string): PlannedLeaf => ({ kind: 'f32', N, K, shared })

/** The sizes of a dense f32 weight. @throws where it is stored otherwise */
export function requireDense(weight: Planned, step: string): { N: number; K: number; shared?: string } {
  if (weight.kind !== 'f32')
    throw new Error(
      `${step}: the layer is stored as ${weight.kind} already; put ${step} before the step that made it so`,
    )
  return weight
}

/** Changes the weight, or every factor of its chain. */
export const mapLeaves = (weight: LinearShape, change: (leaf: PlannedLeaf) => PlannedLeaf): LinearShape =>
  weight.kind === 'chain'
    ? // a mixed core is dense in memory, and each layer has one that no other has
      {
        ...weight,
        factors: weight.factors.map((leaf) => change(leaf.kind === 'mixed' ? dense(leaf.N, leaf.K) : leaf)),
      }
    : change(weight)

export function mapEncoderLinears(shape: ModelShape, change: (weight: Planned) => LinearShape): void {
  for (const layer of shape.layers) for (const role of LAYER_LINEARS) layer[role].weight = change(layer[role].weight)
}

export const mapEncoder = (shape: ModelShape, change: (leaf: PlannedLeaf) => PlannedLeaf): void =>
  mapEncoderLinears(shape, (weight) => mapLeaves(weight, change))
