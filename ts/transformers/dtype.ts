// dtype: what numbers a model is run with. Files that are in that format run as they are, others are compressed in memory.

import type { ModelFiles } from '../io/folder.ts'
import { loadModelFiles } from '../model/load.ts'
import type { ModelInMemory } from '../inference/text-model.ts'

/** Recipes for the names that transformers.js has; null: as the files are. */
const RECIPES: Readonly<Record<string, string | null>> = {
  auto: null,
  fp32: null,
  fp16: null,
  q8: 'q8+e8',
  int8: 'q8+e8',
  uint8: 'q8+e8',
}

export type Dtype = 'auto' | 'fp32' | 'fp16' | 'q8' | 'int8' | 'uint8' | (string & {})

/**
 * The recipe of a dtype; one of our recipes is taken as it is.
 * @throws for formats of fewer bits, which no kernel here has
 */
function recipeOf(dtype: Dtype): string | null {
  if (Object.hasOwn(RECIPES, dtype)) return RECIPES[dtype]
  if (/^(q[124]|bnb4)(f16)?$/.test(dtype))
    throw new Error(
      `dtype '${dtype}' has no kernel here; use 'q8', or a recipe such as 'sp80x4+q8+e8', which is smaller and faster`,
    )
  return dtype
}

/**
 * @returns the files where they are run as they are, else the model in memory
 * @throws where the recipe is not valid, or does not fit what the files hold already
 */
export async function withDtype(files: ModelFiles, dtype: Dtype | undefined): Promise<ModelFiles | ModelInMemory> {
  const recipe = recipeOf(dtype ?? 'auto')
  if (recipe === null) return files
  const { weights, tokenizerFiles } = await loadModelFiles(files)
  const done = weights.config.recipe.split('+')
  if (recipe.split('+').every((step) => done.includes(step))) return { weights, tokenizer: tokenizerFiles }
  const { applyRecipe } = await import('../recipe/apply.ts')
  const { model } = await applyRecipe(weights, recipe, { seed: 1 })
  return { weights: model, tokenizer: tokenizerFiles }
}
