// The mean of what enters int8 layers, moved into biases: the model computes the same, and rows of activations, whose scale is
// that of their largest number, are rounded in finer steps.
//
// Post-LN layers read what a norm puts out, x = gamma n + beta, and so does the residual sum after them. With s the mean of x
// over the calibration rows: beta' = beta - s; the layers that read x get b' = b + W s; the layer whose output is added to x gets
// b' = b + s. The channels of BERT's norms whose numbers are large are large in every token, mostly by their mean.

import type { EncoderLayer, LinearLayer, ModelWeights, Norm } from '../model/weights.ts'
import { inputsOf, imageOf } from './bias.ts'
import type { Calibration } from './calibration.ts'
import { encoderLinears } from './dense.ts'

/**
 * The same model with the means in the biases.
 * @param calibration of this model, or of one with the same inputs: other means are as exact and shrink less
 * @throws where layers are applied several times, whose norm serves several readers, or the calibration misses a layer
 */
export function shiftInputs(model: ModelWeights, calibration: Calibration | undefined): ModelWeights {
  const { config, embeddings } = model
  if (config.layerGroups !== undefined && config.layerGroups !== config.layers)
    throw new Error('q8:shift: a layer of this model is applied several times, with other means each time; take q8')
  const stems = new Map(encoderLinears(model).map(({ layer, role, stem }) => [`${layer} ${role}`, stem]))
  const meanOf = (layer: number, role: 'query' | 'intermediate'): Float64Array => {
    const { sum, rows } = inputsOf(calibration, stems.get(`${layer} ${role}`)!, 'q8:shift')
    return sum.map((total) => total / rows)
  }
  const layers = model.layers.map((layer, i): EncoderLayer => {
    const [x, h] = [meanOf(i, 'query'), meanOf(i, 'intermediate')]
    const after = i + 1 < model.layers.length ? meanOf(i + 1, 'query') : null
    return {
      ...layer,
      query: reading(layer.query, x),
      key: reading(layer.key, x),
      value: reading(layer.value, x),
      attentionOutput: adding(layer.attentionOutput, x),
      attentionNorm: lowered(layer.attentionNorm, h),
      intermediate: reading(layer.intermediate, h),
      output: adding(layer.output, h),
      outputNorm: after ? lowered(layer.outputNorm, after) : layer.outputNorm,
    }
  })
  const first = meanOf(0, 'query')
  const { projection } = embeddings
  const start = projection
    ? {
        projection: adding(
          projection,
          first.map((x) => -x),
        ),
      }
    : { norm: lowered(embeddings.norm, first) }
  return { ...model, embeddings: { ...embeddings, ...start }, layers }
}

/** b + W s: what is taken off the input comes back. */
const reading = (linear: LinearLayer, s: Float64Array): LinearLayer => adding(linear, imageOf(linear.weight, s))

const adding = ({ weight, bias }: LinearLayer, s: Float64Array): LinearLayer => ({
  weight,
  bias: Float32Array.from(s, (x, n) => (bias?.[n] ?? 0) + x),
})

const lowered = ({ gamma, beta }: Norm, s: Float64Array): Norm => ({ gamma, beta: beta.map((x, c) => x - s[c]) })
