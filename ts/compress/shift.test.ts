import { expect, it } from 'vitest'
import { runReference } from '../../kernels/reference.ts'
import { packBatch } from '../inference/batches.ts'
import { buildProgram } from '../model/bert.ts'
import type { ModelWeights } from '../model/weights.ts'
import { applyRecipe } from '../recipe/apply.ts'
import { calibrate, initializeModel } from '../train.ts'
import { createRandom } from '../../kernels/program/random.ts'
import { TOY } from '../../testing/toy-task.ts'
import { shiftInputs } from './shift.ts'

const random = createRandom(7)
const sequences = Array.from({ length: 24 }, () => Int32Array.from({ length: 4 + random.int(9) }, () => random.int(50)))
const options = { threads: 1 }

/** Two channels of every norm lie far from 0, as in BERT. */
function farChannels(): ModelWeights {
  const model = initializeModel({ ...TOY, layers: 3 }, 2)
  const norms = [model.embeddings.norm, ...model.layers.flatMap((l) => [l.attentionNorm, l.outputNorm])]
  for (const { beta } of norms) {
    beta[3] = 6
    beta[20] = -8
  }
  return model
}
const outputOf = (model: ModelWeights, output: 'logits' | 'embeddings'): Float64Array =>
  Float64Array.from(runReference(buildProgram(model, output), packBatch(sequences)))
const distance = (a: Float64Array, b: Float64Array): number => Math.hypot(...a.map((x, i) => x - b[i]))

it.each(['logits', 'embeddings'] as const)('changes nothing that the model computes: %s', async (output) => {
  const model = farChannels()
  const shifted = shiftInputs(model, await calibrate(model, sequences, options))
  const [before, after] = [outputOf(model, output), outputOf(shifted, output)]
  // biases of about 10 are rounded to f32, 1e-6, and 64 of them meet in a sum
  before.forEach((x, i) => expect(Math.abs(after[i] - x)).toBeLessThan(1e-4))
  // what enters is about 0 in the mean now, so that the calibration of the result has no means to move
  const sums = await calibrate(shifted, sequences, options)
  for (const [stem, { sum, rows }] of sums)
    if (/query|intermediate/.test(stem)) expect(Math.max(...sum.map((x) => Math.abs(x / rows)))).toBeLessThan(1e-5)
})

it('q8:shift rounds finer than q8 where channels lie far from 0', async () => {
  const model = farChannels()
  const calibration = await calibrate(model, sequences, options)
  const make = async (recipe: string): Promise<Float64Array> =>
    outputOf((await applyRecipe(model, recipe, { seed: 1, calibration })).model, 'embeddings')
  const whole = outputOf(model, 'embeddings')
  const [plain, shifted] = [distance(whole, await make('q8')), distance(whole, await make('q8:shift'))]
  expect(shifted).toBeLessThan(0.75 * plain)
})

it('needs texts, and is not both static and shifted', async () => {
  const model = farChannels()
  await expect(applyRecipe(model, 'q8:shift', { seed: 1 })).rejects.toThrow(/q8:shift: found no calibration/)
  const calibration = await calibrate(model, sequences, options)
  await expect(applyRecipe(model, 'q8:static,shift', { seed: 1, calibration })).rejects.toThrow(/static or shift/)
})
