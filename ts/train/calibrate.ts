// Runs texts through a model on the training kernels and adds up what enters each linear layer.

import { TrainSession, type InputStatistics } from '../../kernels/train/session.ts'
import type { Calibration, InputSums } from '../compress/calibration.ts'
import { linearLayers, type ModelWeights } from '../model/weights.ts'
import { joinSequences } from './batches.ts'
import { checkPadding } from './trainable.ts'
import { linearPlaces, parametersOf, shapeOfModel } from './convert.ts'
import { withHead } from './zero-head.ts'

export interface CalibrateOptions {
  /** CPU threads; the engine's cores, at most 8 */
  threads?: number
  /** token types of each sequence; all 0 where not given */
  types?: readonly Int32Array[]
  /** sequences run at a time; 32 */
  batch?: number
  signal?: AbortSignal
  progress?: (done: number, total: number) => void
}

/**
 * Sums of the inputs of every linear layer over `sequences`. Some hundred texts are enough: more change the sums little.
 *
 * @param model f32, dense or with chains of factors; a classifier, or an encoder without one
 * @param sequences token ids of texts from the training part
 * @throws where the model is quantized or sparse already, or there are no sequences
 */
export async function calibrate(
  model: ModelWeights,
  sequences: readonly Int32Array[],
  options: CalibrateOptions = {},
): Promise<Calibration> {
  const { types, threads, batch = 32, signal, progress } = options
  if (sequences.length === 0) throw new Error('calibrate: there are no texts; give some of the training part')
  checkPadding(model.config, sequences)
  const whole = withHead(model)
  const session = await TrainSession.create(shapeOfModel(whole), threads ? { threads } : {})
  const byInput = new Map<string, InputSums>()
  try {
    session.setParameters(parametersOf(whole, session.layout))
    for (let begin = 0; begin < sequences.length; begin += batch) {
      signal?.throwIfAborted()
      const part = joinSequences(sequences.slice(begin, begin + batch), types?.slice(begin, begin + batch))
      for (const [input, found] of await session.inputStatistics(part)) add(byInput, input, found)
      progress?.(Math.min(sequences.length, begin + batch), sequences.length)
    }
  } finally {
    await session.dispose()
  }
  const inputs = new Map([...linearPlaces(whole)].map(({ linear, input }) => [linear, input]))
  return new Map([...linearLayers(model)].map(({ stem, linear }) => [stem, byInput.get(inputs.get(linear)!)!]))
}

function add(sums: Map<string, InputSums>, input: string, { rows, K, gram, sum, largest }: InputStatistics): void {
  let into = sums.get(input)
  if (!into) {
    into = { K, rows: 0, gram: new Float64Array(K * K), sum: new Float64Array(K), largest: new Float32Array(K) }
    sums.set(input, into)
  }
  into.rows += rows
  for (let i = 0; i < gram.length; i++) into.gram[i] += gram[i]
  for (let k = 0; k < K; k++) {
    into.sum[k] += sum[k]
    into.largest[k] = Math.max(into.largest[k], largest[k])
  }
}
