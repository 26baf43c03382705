// The files that peers read: the weights that ours runs, in the format that each of them takes.

import type { DenseWeight, EmbeddingTable, LinearWeight } from '../../kernels/program/weights.ts'
import { denseData, denseTable, encoderLinears, withEncoderWeights } from '../../ts/compress/dense.ts'
import { linearLayers, mixtureOf, type LinearLayer, type ModelWeights } from '../../ts/model/weights.ts'

/** Plain f32: of an array that a file would hold as a mixture, a copy that it holds whole. */
function plain(weight: LinearWeight): DenseWeight {
  const data = denseData(weight)
  return { kind: 'f32', N: weight.N, K: weight.K, data: mixtureOf(data) ? data.slice() : data }
}

/** The same model with every weight multiplied out to dense f32, as a framework without our formats runs it. */
export function denseModel(model: ModelWeights): ModelWeights {
  const table = (t: EmbeddingTable): EmbeddingTable => ({
    kind: 'f32',
    rows: t.rows,
    width: t.width,
    data: denseTable(t),
  })
  const linear = ({ weight, bias }: LinearLayer): LinearLayer => ({ weight: plain(weight), bias })
  const { word, position, type, projection } = model.embeddings
  return {
    ...withEncoderWeights(
      model,
      encoderLinears(model).map(({ linear: { weight } }) => plain(weight)),
    ),
    embeddings: {
      ...model.embeddings,
      word: table(word),
      position: table(position),
      type: table(type),
      ...(projection && { projection: linear(projection) }),
    },
    pooler: model.pooler && linear(model.pooler),
    classifier: model.classifier && linear(model.classifier),
  }
}

/** W [N, K] as [K, N], for peers that compute x W. */
export function transposed(data: Float32Array, N: number, K: number): Float32Array<ArrayBuffer> {
  const turned = new Float32Array(K * N)
  for (let n = 0; n < N; n++) for (let k = 0; k < K; k++) turned[k * N + n] = data[n * K + k]
  return turned
}

/** Whether a linear layer multiplies in int8. */
export function hasInt8(model: ModelWeights): boolean {
  for (const { linear } of linearLayers(model)) {
    const factors = linear.weight.kind === 'chain' ? linear.weight.factors : [linear.weight]
    if (factors.some(({ kind }) => kind === 'int8' || kind === 'int8-1x4')) return true
  }
  return false
}
