// What becomes of a model's weights in a variant.

import { denseModel } from '../bench/lib/exports.ts'
import type { ModelWeights } from '../ts/model/weights.ts'
import { applyRecipe } from '../ts/recipe/apply.ts'
import { AS_SHIPPED, DENSE } from './variants.ts'

/** @throws where the variant is no recipe, and as `applyRecipe` */
export async function makeVariant(
  model: ModelWeights,
  variant: string,
): Promise<{ model: ModelWeights; notes: string[] }> {
  if (variant === AS_SHIPPED) return { model, notes: [] }
  const plain = denseModel(model)
  const dense = { ...plain, config: { ...plain.config, recipe: '' } }
  return variant === DENSE ? { model: dense, notes: [] } : applyRecipe(dense, variant, { seed: 1 })
}
