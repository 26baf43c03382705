import { expect, it } from 'vitest'
import { syntheticModel } from '../../testing/models.ts'
import { denseData } from '../compress/dense.ts'
import { linearLayers } from '../model/weights.ts'
import { applyRecipe } from '../recipe/apply.ts'
import { shapeOfModel } from './convert.ts'
import { trainableCopy } from './trainable-copy.ts'

const base = syntheticModel('f32')

it('gives a model of f32 back as it is', () => {
  expect(trainableCopy(base, 'm')).toEqual({ model: base, notes: [] })
})

it.each([
  ['sp50x4+q8+e8', ''],
  ['heads2-ffn64+q8', 'heads2-ffn64'],
  ['svd:8+e8', 'svd:8'],
  ['svd:8+q8+e8', ''],
])('multiplies out %s, whose numbers stay, with the recipe %s', async (recipe, left) => {
  const { heads } = base.layers[0]
  const { N } = base.layers[0].intermediate.weight
  const written = recipe.replace('heads2', `heads${heads - 1}`).replace('ffn64', `ffn${N - 16}`)
  const { model } = await applyRecipe(base, written, { seed: 1 })
  const { model: copy, notes } = trainableCopy(model, 'm')
  expect(() => shapeOfModel(copy)).not.toThrow()
  expect(copy.config.recipe).toBe(left && written.split('+')[0])
  expect(notes.join()).toContain(`m (${written}) is f32 while it is trained`)
  const dense = new Map([...linearLayers(copy)].map(({ stem, linear }) => [stem, linear]))
  for (const { stem, linear } of linearLayers(model))
    expect(Array.from(denseData(dense.get(stem)!.weight))).toEqual(Array.from(denseData(linear.weight), Math.fround))
})
