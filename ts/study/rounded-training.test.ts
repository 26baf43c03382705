// The step `qat`: a row of an embedder, trained with rounded operands, is nearer to its base in int8 than one that is only rounded.

import { afterAll, expect, it } from 'vitest'
import { toy, TOY } from '../../testing/toy-task.ts'
import { meanInterval, rowCosines } from '../evaluation/vectors.ts'
import { openDevice } from '../inference/devices.ts'
import type { Features } from '../inference/embedder.ts'
import { SILENT } from '../inference/reporter.ts'
import { wholeVectors, type VectorRule } from '../inference/whole-vectors.ts'
import type { ModelWeights } from '../model/weights.ts'
import { applyRecipe } from '../recipe/apply.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { calibrate } from '../train/calibrate.ts'
import { withoutHead } from '../train/embedder.ts'
import { initializeModel } from '../train/initialize.ts'
import type { BaseVectors } from './bases.ts'
import { shapeByRecipe, type RecipeShaping } from './tuning.ts'

const { device } = await openDevice({ device: 'cpu', threads: 1 })
afterAll(() => device.dispose())

const model = withoutHead(initializeModel(TOY, 1))
/** In one channel all rows are large, as in BERT's norms, so that the others are rounded in coarse steps. */
for (const { attentionNorm, outputNorm } of model.layers) attentionNorm.beta[3] = outputNorm.beta[3] = 20
const examples = toy(64, 2).map(({ ids }) => ({ ids, label: -1 }))
const ids = examples.map((example) => example.ids)
const rule = { pooling: 'mean', normalize: true, prompt: '', skipsPrompt: false } as VectorRule
const vectorsOf = (of: ModelWeights): Promise<Features> =>
  wholeVectors(device, of, { ids, tokenizer: null as unknown as Tokenizer }, rule)
const own = await vectorsOf(model)
const distance = async (of: ModelWeights): Promise<number> =>
  1 - meanInterval(rowCosines(own, await vectorsOf(of)), { seed: 1 }).mean

const calibration = (of: ModelWeights) => calibrate(of, ids, { threads: 1 })
const apply: RecipeShaping['apply'] = async (from, recipe) =>
  applyRecipe(from, recipe, { seed: 1, ...(recipe.includes('shift') && { calibration: await calibration(from) }) })
const shaping: RecipeShaping = {
  base: {
    ...{ id: 'baseline', model, isTrained: true, examples, calibration },
    teacherLogits: () => Promise.resolve(null),
    vectors: { teacher: () => Promise.resolve(own.data) } as Partial<BaseVectors> as BaseVectors,
  },
  apply,
  context: {
    settings: { seed: 1, passes: 40, hiddenWeight: 0 },
    scale: { batch: 32, epochs: { tune: 1 } },
    ...{ reporter: SILENT, threads: 1 },
    tuneSeconds: () => 600,
    tuneRate: () => 3e-4,
  },
}

it('ends nearer in int8 than the same steps without it, with what it did on record', async () => {
  const rounded = (of: ModelWeights, recipe: string) => apply(of, recipe).then((made) => distance(made.model))
  const trained = await shapeByRecipe('qat', true, shaping)
  expect(trained.model.config.recipe).toBe('qat')
  expect(trained.notes.join()).toMatch(/moved into biases,trained again, operands rounded: 80 steps/)
  const plain = await rounded(model, 'q8:shift+e8')
  expect(plain).toBeLessThan(await rounded(model, 'q8+e8'))
  expect(await rounded(trained.model, 'q8+e8')).toBeLessThan(plain / 1.5)
})

it('trains rounding while zeros grow, hidden states beside, which are those of moved means', async () => {
  const { settings, ...context } = shaping.context
  const near = { ...shaping, context: { ...context, settings: { ...settings, hiddenWeight: 1 } } }
  const sparse = await shapeByRecipe('sp50x4+qat', true, near)
  expect(sparse.model.config.recipe).toBe('sp50x4+qat')
  expect(sparse.notes.join()).toMatch(/zeros grown in 60 % of the steps, .*, operands rounded: 80 steps/)
  const { weight } = sparse.model.layers[0].intermediate
  expect(weight.kind).toBe('csr')
  const [pruned, learned] = [await apply(model, 'sp50x4+q8+e8'), await apply(sparse.model, 'q8+e8')]
  expect(await distance(learned.model)).toBeLessThan((await distance(pruned.model)) / 2)
})

it('is refused where nothing is trained, and after int8', async () => {
  await expect(shapeByRecipe('qat', false, shaping)).rejects.toThrow("'qat' is a training, and nothing is trained here")
  await expect(apply(model, 'q8+qat')).rejects.toThrow('weights are rounded already: put it before q8')
})
