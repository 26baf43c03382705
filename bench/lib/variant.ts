// A model and a recipe as weights in memory and as the files that the contenders of `bench models` read, with the logits of
// its float64 reference.

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createRandom } from '../../kernels/program/random.ts'
import { runReference } from '../../kernels/reference.ts'
import type { Program } from '../../kernels/program/program.ts'
import { loadModel } from '../../ts/model/load.ts'
import { buildProgram } from '../../ts/model/bert.ts'
import { saveModel } from '../../ts/model/save.ts'
import type { ModelWeights } from '../../ts/model/weights.ts'
import { exportOnnx } from '../../ts/onnx/export.ts'
import { applyRecipe } from '../../ts/recipe/apply.ts'
import { batchOf } from '../contenders/ours.ts'
import type { ModelInput } from './contender.ts'
import { denseModel, hasInt8 } from './exports.ts'
import type { ModelBenchOptions } from './model-options.ts'
import { short } from './results.ts'

/** Tokens that the float64 reference checks: it takes seconds for a few tokens of a large model. */
export const CHECK_TOKENS = 16

/** How far the embeddings are moved to see how much the logits of a variant depend on the last bits. */
const NUDGE = 1e-6

export interface Variant {
  name: string
  onnxPath: string | null
  densePath: string | null
  /** the variant as we write it */
  folder: string
  int8: boolean
  vocabulary: number
  /** logits of the check input in float64 */
  reference: Float64Array
}

/** Loads `model` and applies `variant`, a recipe or 'baseline'. The same seed gives the same weights. */
export async function buildVariant(model: string, variant: string, seed: number): Promise<ModelWeights> {
  const { weights } = await loadModel(model, { seed })
  if (variant === 'baseline') return weights
  return (await applyRecipe(weights, variant, { seed })).model
}

/** Random token ids, the same for every contender. */
export function seededInput(vocabulary: number, batch: number, tokens: number, seed: number): ModelInput {
  const random = createRandom(seed, 'bench-ids')
  return { batch, tokens, ids: Int32Array.from({ length: batch * tokens }, () => random.int(vocabulary)) }
}

/** The short input that the float64 reference checks. */
export const checkInput = (vocabulary: number, { tokens, seed }: ModelBenchOptions): ModelInput =>
  seededInput(vocabulary, 1, Math.min(CHECK_TOKENS, tokens), seed + 1)

/** The program with the embeddings' beta moved by up to NUDGE, another amount in each column. */
function nudged(program: Program): Program {
  const [first, ...rest] = program.ops
  if (first.kind !== 'embedding') throw new Error('bench: the program does not start with an embedding')
  const beta = first.beta.map((value, c) => value + NUDGE * (((c * 37) % 7) / 3 - 1))
  return { ...program, ops: [{ ...first, beta }, ...rest] }
}

/** Makes the variant in this process once: for its reference and for the files that ours and the peers read. */
export async function prepareVariant(
  notes: string[],
  name: string,
  folder: string,
  options: ModelBenchOptions,
): Promise<Variant> {
  options.log(`${name}: making the weights and their float64 reference …`)
  const weights = await buildVariant(options.model, name, options.seed)
  const vocabulary = weights.embeddings.word.rows
  const check = checkInput(vocabulary, options)
  const program = buildProgram(weights, 'logits')
  const reference = runReference(program, batchOf(check))
  const shift = largestDifference(runReference(nudged(program), batchOf(check)), reference)
  notes.push(
    `${name}: the float64 reference itself moves by ${short(shift)} where its embeddings move by ${NUDGE}` +
      (shift > 100 * NUDGE
        ? ': roundings to int8 flip and spread, so a max error of that size is no fault of a kernel'
        : ''),
  )
  let onnxPath: string | null = null
  if (options.peers.some((peer) => peer.startsWith('ort-'))) {
    onnxPath = join(folder, 'model.onnx')
    await exportOnnx(weights, onnxPath)
    options.log(`${name}: exported as ONNX, ${((await stat(onnxPath)).size / 1e6).toFixed(1)} MB`)
  }
  let densePath: string | null = null
  if (options.peers.some((peer) => peer.startsWith('torch'))) {
    densePath = join(folder, 'dense')
    await saveModel(denseModel(weights), densePath)
  }
  const own = join(folder, 'own')
  await saveModel(weights, own)
  return { name, onnxPath, densePath, folder: own, int8: hasInt8(weights), vocabulary, reference }
}

/** Largest absolute difference; NaN where one is NaN. */
export function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) throw new Error(`bench: ${actual.length} logits, expected ${expected.length}`)
  let worst = 0
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i] - expected[i])
    if (!(difference <= worst)) worst = difference
  }
  return worst
}
