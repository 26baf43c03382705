// What a recipe makes of a model's shape: pure arithmetic, no weights. ledger.test.ts compares it with the compression
// itself. Steps apply from left to right, as in apply.ts.

import type { ModelShape } from '../model/shape.ts'
import { parseRecipeOfShape } from './parse.ts'
import { definitionOf } from './steps/index.ts'

/**
 * The shape that a recipe makes of a model. Where the numbers decide (which weights are pruned), counts are spread over
 * the matrices in proportion: sums are exact, single layers approximate.
 *
 * @param recipe steps of the recipe grammar joined by `+`; `vocab` needs its size here: `vocab:24000`; `student:NAME`
 *   takes the shape of that preset, or of layers x width such as `student:4x128`, over the vocabulary there is; '',
 *   'baseline' and 'none' change nothing
 * @throws where a step is not known or does not apply; the message names the steps there are
 */
export function applyRecipeToShape(shape: ModelShape, recipe: string): ModelShape {
  let result = structuredClone(shape)
  if (['', 'baseline', 'none'].includes(recipe)) return result
  for (const step of parseRecipeOfShape(recipe)) result = definitionOf(step).reshape(result, step)
  result.config = { ...result.config, recipe: [shape.config.recipe, recipe].filter(Boolean).join('+') }
  return result
}
