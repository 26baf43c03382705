// Sums of gradient times weight over the heads and neurons of each layer: the slope of a loss as a part fades.

import { tensorOf, type Layout, type TrainShape } from '../../kernels/train/layout.ts'
import type { Importance } from '../compress/structure.ts'

export interface PartProducts {
  /** over a head's columns of the attention output matrix, f64 [heads] */
  heads: Float64Array
  /** over a neuron's row of W1 with its bias, f64 [F] */
  incoming: Float64Array
  /** over a neuron's column of W2, f64 [F] */
  outgoing: Float64Array
}

/** Scores of 0 for every head and neuron. */
export const emptyImportance = ({ layers }: TrainShape): Importance[] =>
  layers.map(({ heads, intermediate }) => ({
    heads: new Float64Array(heads),
    neurons: new Float64Array(intermediate),
  }))

/** The sums of each layer; both vectors are of `layout`. */
export function partProducts(layout: Layout, parameters: Float32Array, gradients: Float32Array): PartProducts[] {
  const products = (name: string): { rows: Float64Array; columns: Float64Array } => {
    const [w, g] = [tensorOf(layout, parameters, name), tensorOf(layout, gradients, name)]
    const { rows, columns: K } = layout.places.get(name)!
    const sums = { rows: new Float64Array(rows), columns: new Float64Array(K) }
    for (let row = 0; row < rows; row++)
      for (let k = 0; k < K; k++) {
        const product = w[row * K + k] * g[row * K + k]
        sums.rows[row] += product
        sums.columns[k] += product
      }
    return sums
  }
  return layout.shape.layers.map(({ heads: H, headSize: D }, i) => {
    const attention = products(`layer.${i}.attention.weight`).columns
    const first = products(`layer.${i}.intermediate.weight`).rows
    const bias = products(`layer.${i}.intermediate.bias`).columns
    return {
      heads: Float64Array.from({ length: H }, (_, h) =>
        attention.subarray(h * D, (h + 1) * D).reduce((sum, x) => sum + x, 0),
      ),
      incoming: first.map((x, f) => x + bias[f]),
      outgoing: products(`layer.${i}.output.weight`).columns,
    }
  })
}
