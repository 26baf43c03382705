// A model and a recipe as weights in memory.

import { applyRecipe } from '../../ts/recipe/apply.ts'
import { loadModel } from '../../ts/model/load.ts'
import type { ModelWeights } from '../../ts/model/weights.ts'

/** Loads `model` and applies `variant`, a recipe or 'baseline'. The same seed gives the same weights. */
export async function buildVariant(model: string, variant: string, seed: number): Promise<ModelWeights> {
  const { weights } = await loadModel(model, { seed })
  if (variant === 'baseline') return weights
  return (await applyRecipe(weights, variant, { seed })).model
}
