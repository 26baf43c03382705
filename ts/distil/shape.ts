// What a recipe takes out of a student's layers while it is trained: zeros grow, factors and cut layers learn.

import type { Calibration } from '../compress/calibration.ts'
import type { ModelWeights } from '../model/weights.ts'
import { applyRecipe, needsCalibration, parseRecipe, type RecipeResult } from '../recipe/apply.ts'
import { definitionOf } from '../recipe/steps/index.ts'
import { calibrate } from '../train/calibrate.ts'
import { growingZeros, growthWords } from '../train/growing-zeros.ts'
import type { MaskSchedule } from '../train/schedule.ts'

export interface Shape {
  /** what the training starts from */
  start: ModelWeights
  maskSchedule?: MaskSchedule
  notes: string[]
  /** Stores what was trained as the recipe has it. */
  finish(trained: ModelWeights): Promise<Pick<RecipeResult, 'model' | 'notes'>>
}

/** Texts to calibrate on. */
const CALIBRATION_TEXTS = 512

/**
 * @param recipe '' for none
 * @param sequences token ids of training texts, for the steps that need to know what enters the layers
 * @throws where a step takes nothing out of the layers
 */
export async function openShape(
  model: ModelWeights,
  recipe: string,
  sequences: readonly Int32Array[],
  { seed, threads, signal }: { seed: number; threads: number; signal?: AbortSignal },
): Promise<Shape> {
  const finish = (trained: ModelWeights) => Promise.resolve({ model: trained, notes: [] })
  if (recipe === '') return { start: model, notes: [], finish }
  const steps = parseRecipe(recipe)
  const other = steps.find((step) => definitionOf(step).stage !== 'shape')
  if (other)
    throw new Error(
      `distil: '${other.text}' takes nothing out of the layers, so that there is nothing to train; apply it afterwards: compress --recipe`,
    )
  const measure = (of: ModelWeights): Promise<Calibration> =>
    calibrate(of, sequences.slice(0, CALIBRATION_TEXTS), { signal, ...(threads && { threads }) })
  // structure and factors come before the zeros, which grow in what is left
  const sparse = steps.find((step) => definitionOf(step).grow)
  const before = steps.filter((step) => step !== sparse)
  const calibration = before.some(needsCalibration) ? await measure(model) : undefined
  const applied = await applyRecipe(model, before, { seed, ...(calibration && { calibration }) })
  const growth = sparse && definitionOf(sparse).grow
  if (!sparse || !growth) return { start: applied.model, notes: applied.notes, finish }
  const inputs = growth.by === 'inputs' ? await measure(applied.model) : undefined
  return {
    start: applied.model,
    maskSchedule: growingZeros(sparse, growth, inputs),
    notes: [...applied.notes, growthWords(growth)],
    // the zeros are held at the end, so the step finds the same ones again
    finish: (trained) => applyRecipe(trained, [sparse], { seed, ...(inputs && { calibration: inputs }) }),
  }
}
