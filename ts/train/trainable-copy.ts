// A compressed model as training takes it: int8 and zeros become f32, factors stay factors.

import { densifyModel } from '../compress/densify.ts'
import { linearLayers, type ModelWeights } from '../model/weights.ts'
import { formatRecipe, parseRecipe } from '../recipe/apply.ts'
import type { Effect } from '../recipe/step.ts'
import { definitionOf } from '../recipe/steps/index.ts'

/** What steps leave that is still there in f32. */
const KEPT: readonly Effect[] = ['factors', 'cut', 'vocabulary', 'student']

/**
 * The model itself where everything in it is f32, else a copy in which everything is; its recipe then has the steps that still
 * hold. Factors that are not f32 are multiplied out.
 * @param source for the note
 */
export function trainableCopy(model: ModelWeights, source: string): { model: ModelWeights; notes: string[] } {
  const { word, position, type } = model.embeddings
  const weights = [...linearLayers(model)].map(({ linear }) => linear.weight)
  const leaves = weights.flatMap((weight) => (weight.kind === 'chain' ? weight.factors : [weight]))
  const kinds = new Set([...leaves, word, position, type].map(({ kind }) => kind))
  kinds.delete('f32')
  if (kinds.size === 0) return { model, notes: [] }
  const keepsChains = weights.every(
    (weight) => weight.kind !== 'chain' || weight.factors.every((f) => f.kind === 'f32'),
  )
  const dense = densifyModel(model, { keepsChains }).model
  const { recipe } = model.config
  const rest = keepsChains ? KEPT : KEPT.filter((effect) => effect !== 'factors')
  const left = remaining(recipe, rest)
  return {
    model: { ...dense, config: { ...dense.config, recipe: left } },
    notes: [
      `${source}${recipe && ` (${recipe})`} is f32 while it is trained: ${[...kinds].join(', ')} come from compression, which can be applied again afterwards`,
    ],
  }
}

/** The steps of a recipe that leave one of these; a recipe of another grammar stays. */
function remaining(recipe: string, effects: readonly Effect[]): string {
  try {
    return formatRecipe(parseRecipe(recipe).filter((step) => effects.includes(definitionOf(step).leaves)))
  } catch {
    return recipe
  }
}
