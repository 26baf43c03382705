// A model and a recipe as weights in memory.

import { applyRecipe } from '../../ts/compress/recipe.ts'
import { loadModel } from '../../ts/model/load.ts'
import type { ModelWeights } from '../../ts/model/weights.ts'
import type { Task } from './contender.ts'

/** Loads `task.model` and applies `task.variant`, a recipe or 'baseline'. The same task gives the same weights. */
export async function buildVariant(task: Pick<Task, 'model' | 'variant' | 'seed'>): Promise<ModelWeights> {
  const { weights } = await loadModel(task.model, { seed: task.seed })
  if (task.variant === 'baseline') return weights
  return (await applyRecipe(weights, task.variant, { seed: task.seed })).model
}
