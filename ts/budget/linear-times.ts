// How long a linear layer takes on this device in each storage format: the real kernels at the model's own shapes, all
// formats of a shape in turns. One run holds several copies of the layer, each with other weights, so that they come from
// the same caches as in the model and the engine shares the work among as many threads.

import type { Device, Session } from '../../kernels/program/device.ts'
import type { BufferId, BufferSpec, Op, Program } from '../../kernels/program/program.ts'
import type { LeafWeight, LinearWeight } from '../../kernels/program/weights.ts'
import { buildProgram } from '../model/bert.ts'
import type { ModelWeights } from '../model/weights.ts'
import { packBatch } from '../inference/batches.ts'
import { timeInTurns, type Contender } from '../evaluation/timing.ts'

/** One format of one shape. */
export interface TimedFormat {
  /** names the format with its density or rank: q8, sp90, wsvd:64+q8 */
  method: string
  weight: () => LinearWeight
}

export interface LinearTimes {
  /**
   * Milliseconds of one layer [N, K] over M rows in each format given; formats already measured are not measured again.
   * @returns by method
   */
  measure(shape: { N: number; K: number; M: number }, formats: readonly TimedFormat[]): Promise<Map<string, number>>
  /** Milliseconds of one text of `tokens` through whole models, in turns. */
  models(models: readonly ModelWeights[]): Promise<number[]>
}

export interface LinearTimesOptions {
  /** of the text that whole models are timed with */
  tokens: number
  /** multiply-adds per row of all the model's linears: as much work as one run should hold, where memory allows */
  weights: number
  signal?: AbortSignal
  /** seconds for each format; 0.1 */
  secondsEach?: number
}

const MAX_COPIES = 24
/** Of f32 weights in the copies of one format. */
const MAX_COPY_BYTES = 64e6
const MODEL_SECONDS = 2

/** A table of times on `device`, filled as it is asked for. */
export function createLinearTimes(device: Device, options: LinearTimesOptions): LinearTimes {
  const { tokens, weights, signal, secondsEach = 0.1 } = options
  const known = new Map<string, Map<string, number>>()
  return {
    async measure({ N, K, M }, formats) {
      const key = `${N} ${K} ${M}`
      const table = known.get(key) ?? new Map<string, number>()
      known.set(key, table)
      const missing = formats.filter(({ method }) => !table.has(method))
      if (missing.length === 0) return table
      const copies = layerCopies(N, K, weights)
      const batch = { offsets: Int32Array.of(0, M), rows: new Float32Array(M * K).map((_, i) => Math.sin(i)) }
      const contenders: Contender[] = []
      try {
        // a run of nothing but copying the input in and the output out
        contenders.push({ id: '', session: await device.load(copiesProgram([], N, K)), batch })
        for (const { method, weight } of missing) {
          const made = weight()
          const program = copiesProgram(
            Array.from({ length: copies }, () => structuredClone(made)),
            N,
            K,
          )
          contenders.push({ id: method, session: await device.load(program), batch })
        }
        const { times } = await timeInTurns(contenders, {
          seconds: secondsEach * contenders.length,
          maxRuns: 60,
          signal,
        })
        const empty = times.get('')!.medianMs
        for (const { method } of missing) table.set(method, Math.max(0, times.get(method)!.medianMs - empty) / copies)
      } finally {
        for (const { session } of contenders) session.dispose()
      }
      return table
    },
    async models(models) {
      const sessions: Session[] = []
      try {
        for (const model of models)
          sessions.push(await device.load(buildProgram(model, model.classifier ? 'logits' : 'embeddings')))
        const contenders = sessions.map((session, i) => {
          const ids = Int32Array.from({ length: tokens }, (_, t) => t % models[i].embeddings.word.rows)
          return { id: String(i), session, batch: packBatch([ids]) }
        })
        const { times } = await timeInTurns(contenders, { seconds: MODEL_SECONDS * models.length, signal })
        return models.map((_, i) => times.get(String(i))!.medianMs)
      } finally {
        for (const session of sessions) session.dispose()
      }
    },
  }
}

/** Copies of a layer that a run of `weights` multiply-adds per row holds, where memory allows. */
export function layerCopies(N: number, K: number, weights: number): number {
  const most = Math.min(MAX_COPIES, Math.floor(MAX_COPY_BYTES / (4 * N * K)))
  return Math.max(1, Math.min(most, Math.round(weights / (N * K))))
}

/** input -> each copy of the layer -> the first row of the last one, which is little to read back. */
export function copiesProgram(copies: readonly LinearWeight[], N: number, K: number): Program {
  const buffers: BufferSpec[] = [{ name: 'input', rows: 'tokens', width: K, dtype: 'f32' }]
  const byWidth = new Map<string, BufferId>()
  const buffer = (width: number, place: string): BufferId => {
    const key = `${place} ${width}`
    if (!byWidth.has(key)) byWidth.set(key, buffers.push({ name: key, rows: 'tokens', width, dtype: 'f32' }) - 1)
    return byWidth.get(key)!
  }
  const ops: Op[] = []
  let last: BufferId = 0
  for (const weight of copies) {
    const factors: LeafWeight[] = weight.kind === 'chain' ? weight.factors : [weight]
    last = 0
    for (const [i, factor] of factors.entries()) {
      const output = i === factors.length - 1 ? buffer(N, 'output') : buffer(factor.N, `factor ${i}`)
      ops.push({ kind: 'linear', input: last, output, weight: factor, bias: null, activation: 'none', residual: null })
      last = output
    }
  }
  const output = buffers.push({ name: 'first', rows: 'sequences', width: buffers[last].width, dtype: 'f32' }) - 1
  ops.push({ kind: 'first-token', input: last, output })
  return { buffers, ops, input: 0, output }
}
