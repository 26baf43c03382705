// Where the bytes of a model are, and where they would be after a recipe.

import type { ModelFiles } from '../io/folder.ts'
import { ledgerOfFiles, ledgerOfModel, ledgerOfShape, type Ledger, type LedgerOptions } from '../model/ledger.ts'
import { openModelFiles, type LoadModelOptions } from '../model/load.ts'
import { findPreset, loadPresetFamily } from '../model/preset.ts'
import { configOfPreset, shapeOfConfig, shapeOfModel, type ModelShape } from '../model/shape.ts'
import type { ModelWeights } from '../model/weights.ts'
import { applyRecipeToShape } from './shape.ts'

export type { Ledger, LedgerGroup } from '../model/ledger.ts'

export interface InspectOptions extends LoadModelOptions, LedgerOptions {
  /** what would become of it: steps joined by `+` (ts/recipe/shape.ts) */
  recipe?: string
}

/** The ledger of a model in memory or of a shape: the bytes that `saveModel` writes as tensors. */
export function inspectModel(model: ModelWeights | ModelShape, options: InspectOptions = {}): Ledger {
  const { recipe = '' } = options
  if ('embeddings' in model && recipe === '') return ledgerOfModel(model, options)
  const shape = 'embeddings' in model ? shapeOfModel(model) : model
  return ledgerOfShape(applyRecipeToShape(shape, recipe), options)
}

/** The ledger of a preset under a recipe: arithmetic on shapes, no weights are made. `baseline` for none. */
export const recipeLedger = (preset: string, recipe = ''): Ledger =>
  inspectModel(shapeOfConfig(configOfPreset(findPreset(preset))), { recipe })

/**
 * The ledger of anything `loadModel` opens. Of a folder only config.json and the header are read; without a recipe its
 * rows add up to the size of model.safetensors, the header a row of its own.
 */
export async function inspectSource(source: string, options: InspectOptions = {}): Promise<Ledger> {
  if (source.startsWith('preset:')) {
    const name = source.slice('preset:'.length)
    await loadPresetFamily(name)
    return recipeLedger(name, options.recipe)
  }
  return inspectFiles(await openModelFiles(source, options), options)
}

/** The ledger of a model's files. */
export const inspectFiles = (files: ModelFiles, options: InspectOptions = {}): Promise<Ledger> => {
  const { recipe } = options
  return ledgerOfFiles(files, recipe ? (shape) => applyRecipeToShape(shape, recipe) : undefined, options)
}
