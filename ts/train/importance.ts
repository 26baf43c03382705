// How much the loss would move without a head or a neuron, to first order: |sum of gradient times weight| over what would go
// (Michel et al. 2019; TextPruner). No labels are needed. Models without a classifier have no loss: vector-importance.ts.

import { linked, type Link } from '../../kernels/train/batch.ts'
import { TrainSession } from '../../kernels/train/session.ts'
import type { Importance } from '../compress/structure.ts'
import type { ModelWeights } from '../model/weights.ts'
import { joinSequences } from './batches.ts'
import { checkPadding, linkOf } from './trainable.ts'
import { parametersOf, shapeOfModel } from './convert.ts'
import { emptyImportance, partProducts } from './part-products.ts'
import { vectorImportance, type VectorImportanceOptions } from './vector-importance.ts'

export interface ImportanceOptions extends VectorImportanceOptions {
  /**
   * what the loss compares with, one per sequence: class numbers, or rows [labels] of what the model should say (of the model
   * before any removal, say): probabilities, of a regression numbers. Unless given: what the model itself chooses, the one class
   * or each yes and no, and of a regression numbers one below its own, whose slope is that of the outputs. Its own probabilities
   * and numbers would not do, since the loss is at its least there and every gradient 0
   */
  labels?: ArrayLike<number> | readonly Float32Array[]
  /** sequences per batch; 32. The absolute value is taken of a batch's sum, so smaller batches see more of what cancels */
  batch?: number
}

/**
 * First-order importance of every head and FFN neuron, averaged over batches:
 * - head: |sum g w| over its columns of the attention output matrix
 * - neuron: |sum g1 w1 + gb b| over its row of W1 with bias, plus |sum g2 w2| over its column of W2
 *
 * Of a model without a classifier it is how far the texts' vectors would move, as `vectorImportance`.
 *
 * @param model dense f32
 * @param sequences token ids; some hundred texts are enough
 * @returns scores per layer, comparable across layers
 * @throws where the model is compressed already, there are no sequences, or labels and sequences do not fit each other
 */
export async function firstOrderImportance(
  model: ModelWeights,
  sequences: readonly Int32Array[],
  options: ImportanceOptions = {},
): Promise<Importance[]> {
  const { labels, types, batch = 32, threads, signal, progress } = options
  if (sequences.length === 0) throw new Error('importance: there are no texts; give some of the training part')
  if (!model.classifier) {
    if (labels) throw new Error('importance: labels are of a classifier, and the model has none; leave them out')
    return vectorImportance(model, sequences, options)
  }
  if (labels && labels.length !== sequences.length)
    throw new Error(`importance: ${labels.length} labels for ${sequences.length} sequences; give one each`)
  checkPadding(model.config, sequences)
  const link = linkOf(model.config)
  const shape = shapeOfModel(model)
  const session = await TrainSession.create(shape, threads ? { threads } : {})
  const scores = emptyImportance(shape)
  const batches = Math.ceil(sequences.length / batch)
  try {
    const parameters = parametersOf(model, session.layout)
    session.setParameters(parameters)
    for (let begin = 0; begin < sequences.length; begin += batch) {
      signal?.throwIfAborted()
      const joined = joinSequences(sequences.slice(begin, begin + batch), types?.slice(begin, begin + batch))
      const B = joined.offsets.length - 1
      const target = labels
        ? targetOf(labels, begin, B, shape.labels)
        : ownChoice(await session.forward(joined), shape.labels, link)
      await session.step(joined, { link, target, teacher: null, alpha: 1, temperature: 1 }, null, null)
      const products = partProducts(session.layout, parameters.rest, session.gradients().rest)
      products.forEach(({ heads, incoming, outgoing }, i) => {
        heads.forEach((x, h) => (scores[i].heads[h] += Math.abs(x) / batches))
        incoming.forEach((x, f) => (scores[i].neurons[f] += (Math.abs(x) + Math.abs(outgoing[f])) / batches))
      })
      progress?.(begin + B, sequences.length)
    }
  } finally {
    await session.dispose()
  }
  return scores
}

/**
 * What the model says of each sequence, softmax of its logits where one label holds: `labels` for the rounds that follow the
 * first. f32 [labels] each.
 */
export async function softLabels(
  model: ModelWeights,
  sequences: readonly Int32Array[],
  options: Pick<ImportanceOptions, 'types' | 'batch' | 'threads'> = {},
): Promise<Float32Array[]> {
  const { types, batch = 32, threads } = options
  if (!model.classifier) throw new Error('importance: the model has no classifier, so that it says nothing of texts')
  const link = linkOf(model.config)
  const shape = shapeOfModel(model)
  const session = await TrainSession.create(shape, threads ? { threads } : {})
  const rows: Float32Array[] = []
  try {
    session.setParameters(parametersOf(model, session.layout))
    for (let begin = 0; begin < sequences.length; begin += batch) {
      const part = joinSequences(sequences.slice(begin, begin + batch), types?.slice(begin, begin + batch))
      const logits = await session.forward(part)
      for (let at = 0; at < logits.length; at += shape.labels)
        rows.push(Float32Array.from(linked(link, logits, at, shape.labels, 1)))
    }
  } finally {
    await session.dispose()
  }
  return rows
}

function targetOf(
  labels: NonNullable<ImportanceOptions['labels']>,
  begin: number,
  B: number,
  classes: number,
): Float32Array {
  const target = new Float32Array(B * classes)
  for (let b = 0; b < B; b++) {
    const label = labels[begin + b]
    if (typeof label !== 'number') {
      if (label.length !== classes)
        throw new Error(
          `importance: label ${begin + b} has ${label.length} probabilities, the model has ${classes} classes`,
        )
      target.set(label, b * classes)
    } else {
      if (!(Number.isInteger(label) && label >= 0 && label < classes))
        throw new Error(`importance: label ${begin + b} is ${label}, expected a class from 0 to ${classes - 1}`)
      target[b * classes + label] = 1
    }
  }
  return target
}

function ownChoice(logits: Float32Array, classes: number, link: Link): Float32Array {
  if (link === 'identity') return logits.map((z) => z - 1)
  if (link === 'sigmoid') return logits.map((z) => (z > 0 ? 1 : 0))
  const target = new Float32Array(logits.length)
  for (let at = 0; at < logits.length; at += classes) {
    const row = logits.subarray(at, at + classes)
    target[at + row.indexOf(Math.max(...row))] = 1
  }
  return target
}
