import { describe, expect, test } from 'vitest'
import { checkLinearWeight } from '../../kernels/program/weights.ts'
import { SMALL, syntheticModel } from '../../testing/models.ts'
import { linearLayers } from '../model/weights.ts'
import type { ModelWeights } from '../model/weights.ts'
import { denseData, encoderLinears } from '../compress/dense.ts'
import { applyRecipe } from './apply.ts'
import type { RecipeContext } from './apply.ts'
import { syntheticCalibration } from '../../testing/factors.ts'

const TOKENS = Array.from({ length: SMALL.vocabSize }, (_, i) => (i === 1 ? '[UNK]' : `token${i}`))
const STUDENT = syntheticModel('f32', 99)
const { calibration: CALIBRATION } = syntheticCalibration(syntheticModel('f32', 5), 1)
const CONTEXT: RecipeContext = {
  seed: 1,
  vocabulary: TOKENS,
  keepIds: [4, 9, 20],
  calibration: CALIBRATION,
  student: async (_, { embeddings, config }) => ({
    model: { ...STUDENT, config: { ...config, recipe: '' }, embeddings },
  }),
}

/** Kinds of the encoder's weights, and of the factors inside chains. */
const kinds = (model: ModelWeights): string[] => [
  ...new Set(
    encoderLinears(model).map(({ linear: { weight } }) =>
      weight.kind === 'chain' ? `chain of ${weight.factors.map(({ kind }) => kind).join(',')}` : weight.kind,
    ),
  ),
]

describe('applyRecipe', () => {
  test('says how what a budget chose is made', async () => {
    await expect(applyRecipe(syntheticModel('f32', 5), 'max-loss:1%+e8', CONTEXT)).rejects.toThrow(
      'compress MODEL --max-loss 1% --data FILE',
    )
  })

  test.each([
    ['', 'f32', 'f32'],
    ['q8', 'int8', 'int8'],
    ['e8', 'f32', 'f32'],
    ['sp80', 'csr', 'f32'],
    ['sp80x4', 'csr', 'f32'],
    ['nm2:4', 'nm', 'f32'],
    ['wanda80', 'csr', 'f32'],
    ['wanda80x4+q8', 'int8-1x4', 'int8'],
    ['q8:tensor', 'int8', 'int8'],
    ['sp80x4+q8:static', 'int8-1x4', 'int8'],
    ['svd:0.5+wanda80x4+q8:tensor,static', 'chain of int8-1x4,int8-1x4', 'int8'],
    ['heads8-ffn2048', 'f32', 'f32'],
    ['svd:0.5', 'chain of f32,f32', 'f32'],
    ['tucker:0.25', 'chain of f32,f32,f32', 'f32'],
    ['tucker3:0.25', 'chain of f32,f32,f32', 'f32'],
    ['tucker3:0.25+q8', 'chain of int8,int8,int8', 'int8'],
    ['svd:e0.5', 'chain of f32,f32', 'f32'],
    ['svd:0.02MB', 'chain of f32,f32', 'f32'],
    ['wsvd:0.5', 'chain of f32,f32', 'f32'],
    ['wsvd:e0.9', 'chain of f32,f32', 'f32'],
    ['wsvd:0.02MB+q8', 'chain of int8,int8', 'int8'],
    ['wtucker:0.25', 'chain of f32,f32,f32', 'f32'],
    ['vocab+wtucker:0.25+q8+e8', 'chain of int8,int8,int8', 'int8'],
    ['vocab', 'f32', 'f32'],
    ['student:mini', 'f32', 'f32'],
    ['sp80+q8', 'int8', 'int8'],
    ['nm2:4+q8', 'int8', 'int8'],
    ['sp80x4+q8+e8', 'int8-1x4', 'int8'],
    ['svd:0.5+q8', 'chain of int8,int8', 'int8'],
    ['svd:0.5+sp50', 'chain of csr,csr', 'f32'],
    ['heads6-ffn2048+sp80x4+q8', 'int8-1x4', 'int8'],
    ['vocab+student:mini+heads6-ffn2048+svd:4+sp50x4+q8+e8', 'chain of int8-1x4,int8-1x4', 'int8'],
  ])(
    "'%s' gives valid %s encoder weights and a %s classifier, and leaves its input alone",
    async (recipe, encoder, head) => {
      const model = syntheticModel('f32', 5)
      const before = structuredClone(model)
      const steps: string[] = []
      const result = await applyRecipe(model, recipe, {
        ...CONTEXT,
        progress: (step, done, total) => done === total && steps.push(step),
      })
      expect(model).toEqual(before)
      expect(result.model.config.recipe).toBe(recipe)
      expect(kinds(result.model)).toEqual([encoder])
      expect(result.model.classifier?.weight.kind).toBe(head)
      expect(result.model.pooler?.weight.kind).toBe(head)
      expect(result.model.embeddings.word.kind).toBe(recipe.includes('e8') ? 'int8' : 'f32')
      expect(result.model.embeddings.position.kind).toBe('f32')
      for (const { stem, linear } of linearLayers(result.model)) checkLinearWeight(linear.weight, stem)
      const named = recipe.split('+').filter((step) => step !== '')
      expect(result.notes.length).toBeGreaterThanOrEqual(named.length)
      expect(steps).toEqual(named.filter((step) => !step.startsWith('student')))
      expect(result.vocabulary?.length).toBe(recipe.includes('vocab') ? result.model.config.vocabSize : undefined)
    },
  )

  test('the same seed gives the same model', async () => {
    const run = () => applyRecipe(syntheticModel('f32', 5), 'tucker:0.5+q8', CONTEXT)
    expect(await run()).toEqual(await run())
  })

  test('sp80 and sp80x4 keep a fifth of the encoder, nm2:4 half; unstructured zeros survive q8', async () => {
    const model = syntheticModel('f32', 5)
    const total = encoderLinears(model).reduce((sum, { linear }) => sum + denseData(linear.weight).length, 0)
    const nonZeros = async (recipe: string): Promise<number> =>
      encoderLinears((await applyRecipe(model, recipe, CONTEXT)).model).reduce(
        (sum, { linear }) => sum + denseData(linear.weight).filter((w) => w !== 0).length,
        0,
      )
    expect(await nonZeros('sp80')).toBe(Math.round(total / 5))
    expect(await nonZeros('sp80x4')).toBe(4 * Math.round(total / 20))
    expect(await nonZeros('nm2:4')).toBe(total / 2)
    expect(await nonZeros('sp80+q8')).toBeLessThanOrEqual(Math.round(total / 5))
  })

  test('unchanged arrays are shared with the input', async () => {
    const model = syntheticModel('f32', 5)
    const { model: result } = await applyRecipe(model, 'e8', CONTEXT)
    expect(result.layers).toBe(model.layers)
    expect(result.embeddings.position).toBe(model.embeddings.position)
  })

  test('factors that layers share stay shared through q8', async () => {
    const layers = Array.from({ length: 8 }, (_, i) => syntheticModel('f32', i).layers[0])
    const model = { ...syntheticModel('f32', 1), layers }
    const { model: result } = await applyRecipe(model, 'tucker:0.25+q8', { seed: 1 })
    const chains = result.layers.map(({ intermediate: { weight } }) => {
      if (weight.kind !== 'chain') throw new Error(`expected a chain, found ${weight.kind}`)
      return weight.factors
    })
    expect(chains[0].map(({ kind }) => kind)).toEqual(['int8', 'int8', 'int8'])
    for (const factors of chains) {
      expect(factors[0]).toBe(chains[0][0])
      expect(factors[2]).toBe(chains[0][2])
    }
    expect(chains[1][1]).not.toBe(chains[0][1])
  })

  test('steps of config.recipe count as applied', async () => {
    const { model } = await applyRecipe(syntheticModel('f32', 5), 'sp80', CONTEXT)
    await expect(applyRecipe(model, 'svd:0.5', CONTEXT)).rejects.toThrow("'svd:0.5' after 'sp80'")
    const again = await applyRecipe(model, 'q8', CONTEXT)
    expect(again.model.config.recipe).toBe('sp80+q8')
  })

  test('a history in another grammar is kept and named; the weights themselves still refuse', async () => {
    const model = syntheticModel('f32', 5)
    model.config.recipe = 'gptq-4bit'
    const result = await applyRecipe(model, 'e8', CONTEXT)
    expect(result.model.config.recipe).toBe('gptq-4bit+e8')
    expect(result.notes.join()).toContain("'gptq-4bit' is not of this grammar")
    const unnamed = syntheticModel('int8', 5, { all: true })
    for (const step of ['sp80', 'svd:0.5', 'tucker:0.5', 'nm2:4', 'heads8-ffn2048', 'q8'])
      await expect(applyRecipe({ ...unnamed, config: SMALL }, step, CONTEXT)).rejects.toThrow('is stored as int8')
  })

  test('whitened steps need a calibration of the very model: none, half a one and a stale one are refused', async () => {
    const model = syntheticModel('f32', 5)
    const half = new Map([...CALIBRATION].slice(0, 3))
    for (const step of ['wsvd:0.5', 'wsvd:e0.9', 'wtucker:0.25']) {
      await expect(applyRecipe(model, step, { seed: 1 })).rejects.toThrow(/^w[a-z]+: found no calibration/)
      await expect(applyRecipe(model, step, { seed: 1, calibration: half })).rejects.toThrow('has no inputs of bert.')
      for (const changer of ['heads6-ffn2048', 'student:mini'])
        await expect(applyRecipe(model, `${changer}+${step}`, CONTEXT)).rejects.toThrow(
          `the calibration is of the model before '${changer}'`,
        )
    }
  })

  test.each(['svd:0.5', 'svd:e0.5', 'wsvd:0.25', 'wsvd:0.02MB', 'tucker:0.25', 'wtucker:0.25', 'tucker3:0.25'])(
    '%s with a calibration leaves the mean output of every layer as it was; biasCorrection false leaves the biases',
    async (step) => {
      const model = syntheticModel('f32', 5)
      const { model: result } = await applyRecipe(model, step, CONTEXT)
      const before = encoderLinears(model)
      const moved = encoderLinears(result).map(({ stem, linear: { weight, bias } }, i) => {
        const { sum, rows } = CALIBRATION.get(stem)!
        const [old, data] = [denseData(before[i].linear.weight), denseData(weight)]
        const K = weight.K
        let shift = 0
        for (let n = 0; n < weight.N; n++) {
          let [was, is, size] = [before[i].linear.bias![n], bias![n], 0]
          for (let k = 0; k < K; k++) {
            was += (old[n * K + k] * sum[k]) / rows
            is += (data[n * K + k] * sum[k]) / rows
            size += Math.abs((data[n * K + k] * sum[k]) / rows)
          }
          // the product of the factors and the bias are each rounded to f32
          expect(Math.abs(is - was)).toBeLessThan(1e-6 * (1 + size))
          shift += Math.abs(bias![n] - before[i].linear.bias![n])
        }
        return shift
      })
      expect(moved.every((shift) => shift > 0)).toBe(true)
      const kept = await applyRecipe(model, step, { ...CONTEXT, biasCorrection: false })
      expect(encoderLinears(kept.model).every(({ linear }, i) => linear.bias === before[i].linear.bias)).toBe(true)
    },
  )

  test('says that the model came with the step before a refused one, and a wrong recipe before its options', async () => {
    const model = syntheticModel('f32', 5)
    const { model: made } = await applyRecipe(model, 'q8+e8', { seed: 1 })
    await expect(applyRecipe(made, 'q8', { seed: 1 })).rejects.toThrow(
      "'q8' after 'q8': the step was applied already; apply it once; the model came as 'q8+e8': begin with the one that it was made of",
    )
    await expect(applyRecipe(model, 'q8+q9', undefined as never)).rejects.toThrow("unknown step 'q9'")
  })

  test('a student needs its trainer and gets the name and the teacher', async () => {
    const model = syntheticModel('f32', 5)
    await expect(applyRecipe(model, 'student:mini', { seed: 1 })).rejects.toThrow('in code context.student')
    const calls: unknown[] = []
    const own = [...TOKENS]
    const result = await applyRecipe(model, 'student:mini+q8', {
      seed: 1,
      student: async (name, teacher) => {
        calls.push(name, teacher)
        return { model: STUDENT, vocabulary: own }
      },
    })
    expect(calls).toEqual(['mini', model])
    expect(result.model.config.recipe).toBe('student:mini+q8')
    expect(result.vocabulary).toBe(own)
    const wrong = async () => ({ model: STUDENT, vocabulary: ['own'] })
    await expect(applyRecipe(model, 'student:mini', { seed: 1, student: wrong })).rejects.toThrow(
      '37 tokens, expected 1',
    )
  })

  test.each(['q8', 'sp80', 'sp80x4', 'nm2:4', 'heads8-ffn2048', 'svd:0.5', 'tucker:0.5'])(
    '%s refuses NaN weights by the name of their tensor',
    async (step) => {
      const model = syntheticModel('f32', 5)
      const { weight } = model.layers[1].output
      if (weight.kind !== 'f32') throw new Error('expected f32')
      weight.data[3] = NaN
      await expect(applyRecipe(model, step, CONTEXT)).rejects.toThrow('bert.encoder.layer.1.output.dense')
    },
  )
})
