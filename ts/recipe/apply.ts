// Recipes: what turns a model into one of the study's variants, e.g. 'sp80x4+q8+e8'.

import type { ModelWeights } from '../model/weights.ts'
import type { Calibration } from '../compress/calibration.ts'
import { breathe } from '../compress/dense.ts'
import type { StepResult } from '../compress/dense.ts'
import { factorizeTucker } from '../compress/factorize-tucker.ts'
import { factorizeSvd } from '../compress/low-rank.ts'
import { NM_GROUP } from '../compress/prune-mask.ts'
import { prune } from '../compress/prune.ts'
import { quantizeLinears, quantizeWordEmbeddings } from '../compress/quantize.ts'
import { checkOrder, parseRecipe } from './steps.ts'
import type { Step } from './steps.ts'
import { pruneStructure, removeStructure } from '../compress/structure.ts'
import type { Importance } from '../compress/structure.ts'
import { pruneVocabulary } from '../compress/vocabulary.ts'
import type { VocabularyContext } from '../compress/vocabulary.ts'

export { parseRecipe, formatRecipe, STEP_SYNTAX } from './steps.ts'
export type { Step } from './steps.ts'

export interface RecipeContext extends VocabularyContext {
  /** of the random starts in svd and tucker; the same seed gives the same model */
  seed: number
  /**
   * what the training texts send into each linear layer of the model that the recipe starts from; wsvd, wtucker,
   * wanda<NN> and q8:static need it
   */
  calibration?: Calibration
  /** the low-rank steps put the mean of what they change into the biases; true where there is a calibration */
  biasCorrection?: boolean
  /** called as a step advances, `done` of `total` pieces of its work */
  progress?: (step: string, done: number, total: number) => void
  /** scores per layer for heads<h>-ffn<f>; from the weights unless given. Every layer keeps as many as the others */
  importance?: readonly Importance[]
  /**
   * measures such scores of the model it is given: heads<h>-ffn<f> then removes in rounds, and layers may differ. The model
   * has the vocabulary of the steps before
   */
  measureImportance?: (model: ModelWeights) => Promise<readonly Importance[]>
  /** tensor stems that q8 leaves in f32, e.g. found by quantizeWithinGate */
  keepFloat?: ReadonlySet<string>
  /** trains the student of that name from `teacher` for the step student:<NAME> */
  student?: (name: string, teacher: ModelWeights) => Promise<Student>
}

export interface Student {
  model: ModelWeights
  /** where the student has tokens of its own */
  vocabulary?: string[]
}

export interface RecipeResult {
  model: ModelWeights
  /** what each step did, in words and numbers */
  notes: string[]
  /** the new tokens, where a step changed them */
  vocabulary?: string[]
}

/**
 * Applies a recipe's steps left to right and records them in `config.recipe`. The input model is never changed; arrays
 * that no step touched are shared with it.
 *
 * Throws on an unknown step, a step that makes no sense after the ones before it (those in `model.config.recipe`
 * included), NaN weights, and a step whose context is missing (texts for vocab, a trainer for student, a calibration for
 * the steps that need one; heads and student make theirs stale, so that those steps take a recipe of their own).
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
  const notes: string[] = []
  let applied = model.config.recipe
  checkOrder([...earlierSteps(applied, notes), ...steps])
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
    if (step.kind === 'heads' || step.kind === 'student') changer = step.text
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
 * version) is kept as it is and named in the notes; what the weights' own forms forbid is still refused step by step.
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
export function needsCalibration(step: Step): boolean {
  return ['wsvd', 'wtucker', 'wanda'].includes(step.kind) || (step.kind === 'q8' && step.isStatic === true)
}

async function applyStep(
  model: ModelWeights,
  step: Step,
  context: RecipeContext,
): Promise<StepResult & { vocabulary?: string[] }> {
  const progress = (done: number, total: number): void => context.progress?.(step.text, done, total)
  const once = async <T>(work: () => T | Promise<T>): Promise<T> => {
    progress(0, 1)
    await breathe()
    const result = await work()
    progress(1, 1)
    return result
  }
  const { seed, calibration, biasCorrection } = context
  const lowRank = { seed, progress, calibration, biasCorrection }
  switch (step.kind) {
    case 'q8':
      return once(() =>
        quantizeLinears(model, { ...step, calibration: context.calibration, keepFloat: context.keepFloat }),
      )
    case 'e8':
      return once(() => quantizeWordEmbeddings(model))
    case 'sparse':
      return once(() =>
        prune(model, { kind: step.blocks ? 'blocks' : 'unstructured', sparsity: step.sparsity }, step.text),
      )
    case 'tiles':
      return once(() => prune(model, { kind: 'tiles', sparsity: step.sparsity }, step.text))
    case 'wanda': {
      const rule = { kind: 'wanda', sparsity: step.sparsity, blocks: step.blocks } as const
      return once(() => prune(model, rule, step.text, context.calibration))
    }
    case 'nm':
      return once(() => prune(model, { kind: 'nm', n: step.n, m: step.m, group: NM_GROUP }, step.text))
    case 'heads':
      if (context.measureImportance && !context.importance)
        return pruneStructure(model, step, context.measureImportance, { progress })
      return once(() => removeStructure(model, step, context.importance))
    case 'svd':
    case 'wsvd':
      return factorizeSvd(model, step.rank, { ...lowRank, whitened: step.kind === 'wsvd' })
    case 'tucker':
    case 'wtucker':
      return factorizeTucker(model, step.R, { ...lowRank, whitened: step.kind === 'wtucker' })
    case 'tucker3':
      return factorizeTucker(model, step.R, { ...lowRank, mixed: true })
    case 'vocab':
      return once(() => pruneVocabulary(model, context))
    case 'budget':
      throw new Error(
        `recipe: '${step.text}' is chosen from texts; give it as an option: compress MODEL --${step.text.replace(':', ' ')} --data FILE`,
      )
    case 'student': {
      const { student } = context
      if (!student)
        throw new Error(
          `recipe: '${step.text}' trains a model and needs context.student, found none; use the study or distil command`,
        )
      // Its own progress is the trainer's to report.
      const { model: trained, vocabulary } = await student(step.name, model)
      const tokens = vocabulary?.length ?? model.config.vocabSize
      if (trained.config.vocabSize !== tokens)
        throw new Error(
          `recipe: '${step.text}': the student has ${trained.config.vocabSize} tokens, expected ${tokens}` +
            (vocabulary ? ', the length of its vocabulary' : ", its teacher's, or a vocabulary of its own"),
        )
      return {
        model: trained,
        notes: [`student: '${step.name}', ${trained.layers.length} layers of width ${trained.config.hiddenSize}`],
        vocabulary,
      }
    }
  }
}
