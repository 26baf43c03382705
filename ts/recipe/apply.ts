// Recipes: what turns a model into one of the study's variants, e.g. 'sp80x4+q8+e8'.

import { checkNames, type OptionNames } from '../../kernels/program/check-options.ts'
import { breathe, type StepResult } from '../compress/dense.ts'
import type { ModelWeights } from '../model/weights.ts'
import { checkOrder, parseRecipe } from './parse.ts'
import type { RecipeContext } from './step.ts'
import { definitionOf, type Step } from './steps/index.ts'

export { parseRecipe, formatRecipe, STEP_SYNTAX } from './parse.ts'
export type { Step } from './steps/index.ts'
export type { RecipeContext, Student } from './step.ts'

export interface RecipeResult {
  model: ModelWeights
  /** what each step did, in words and numbers */
  notes: string[]
  /** the new tokens, where a step changed them */
  vocabulary?: string[]
}

const CONTEXT: OptionNames<RecipeContext> = {
  ...{ seed: true, calibration: true, biasCorrection: true, progress: true, importance: true, measureImportance: true },
  ...{ keepFloat: true, student: true, vocabulary: true, keepIds: true, texts: true, sampleTexts: true },
  ...{ maxUnknownGrowth: true, keeps: true, encoder: true, signal: true },
}

/**
 * Applies a recipe's steps left to right and records them in `config.recipe`. The input model is never changed; arrays
 * that no step touched are shared with it.
 *
 * Throws on an unknown step, a step that makes no sense after the ones before it (those in `model.config.recipe`
 * included), NaN weights, and a step whose context is missing (texts for vocab, a trainer for student, a calibration for
 * the steps that need one; heads and student make theirs stale, so that those steps take a recipe of their own); and the
 * signal's reason where it is aborted.
 *
 * @example
 * const { model: small, notes } = await applyRecipe(model, 'sp80x4+q8+e8', { seed: 1 })
 */
export async function applyRecipe(
  model: ModelWeights,
  recipe: string | readonly Step[],
  context: RecipeContext,
): Promise<RecipeResult> {
  const steps = typeof recipe === 'string' ? parseRecipe(recipe) : recipe
  checkNames('applyRecipe', context, CONTEXT)
  const notes: string[] = []
  let applied = model.config.recipe
  const earlier = earlierSteps(applied, notes)
  checkOrder([...earlier, ...steps], earlier.length)
  let vocabulary: string[] | undefined
  // the calibration is of the model as it came: other layers, or layers of another width, see other inputs
  let changer = ''
  for (const step of steps) {
    const current: RecipeContext = vocabulary ? { ...context, vocabulary } : { ...context }
    if (changer) {
      if (needsCalibration(step))
        throw new Error(
          `recipe: '${step.text}' after '${changer}': the calibration is of the model before '${changer}'; ` +
            `give '${step.text}' a recipe of its own, on the model that '${changer}' made`,
        )
      delete current.calibration
    }
    if (definitionOf(step).changesInputs) changer = step.text
    const result = await applyStep(model, step, current)
    applied = applied === '' ? step.text : `${applied}+${step.text}`
    model = { ...result.model, config: { ...result.model.config, recipe: applied } }
    vocabulary = result.vocabulary ?? vocabulary
    notes.push(...result.notes)
  }
  return vocabulary ? { model, notes, vocabulary } : { model, notes }
}

/**
 * The steps a model went through before. A history that is not of our grammar (written by another tool or a later
 * version) is kept as it is and named in the notes; what the weights' storage formats forbid is still refused step by step.
 */
function earlierSteps(recipe: string, notes: string[]): Step[] {
  try {
    return parseRecipe(recipe)
  } catch {
    notes.push(`config.recipe '${recipe}' is not of this grammar: the order was checked among the new steps only`)
    return []
  }
}

/** Steps that cannot do without what the texts send into the layers. */
export const needsCalibration = (step: Step): boolean => definitionOf(step).texts(step).inputs === 'needed'

function applyStep(
  model: ModelWeights,
  step: Step,
  context: RecipeContext,
): Promise<StepResult & { vocabulary?: string[] }> {
  // after each report the event loop gets its turn, in which a signal comes
  const report = (done: number, total: number): void => {
    context.signal?.throwIfAborted()
    context.progress?.(step.text, done, total)
  }
  const once = async <T>(work: () => T | Promise<T>): Promise<T> => {
    report(0, 1)
    await breathe()
    const result = await work()
    report(1, 1)
    return result
  }
  return definitionOf(step).apply(model, step, { ...context, report, once })
}
