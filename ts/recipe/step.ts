// What a recipe step is. One step is one file of ts/recipe/steps and one line of its index.ts; parsing, help, errors,
// README's table, the ledger, the command line and the study read the fields below and know no step by its name.

import type { Calibration } from '../compress/calibration.ts'
import type { StepResult } from '../compress/dense.ts'
import type { PruneRule } from '../compress/prune-mask.ts'
import type { Importance } from '../compress/structure.ts'
import type { VocabularyContext } from '../compress/vocabulary.ts'
import type { ModelShape } from '../model/shape.ts'
import type { ModelWeights } from '../model/weights.ts'

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
  /** ends the work between two layers; its reason is thrown */
  signal?: AbortSignal
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

/** What a step has at hand while it is applied. */
export interface StepContext extends RecipeContext {
  /** says how far the step is */
  report: (done: number, total: number) => void
  /** runs work of one piece, and says when it begins and ends */
  once: <T>(work: () => T | Promise<T>) => Promise<T>
}

/** A step of a recipe with its numbers; `text` is how it was written. */
export interface ParsedStep {
  kind: string
  text: string
}

/**
 * What a step leaves in a model, for the steps after it:
 * - 'int8', 'sparse', 'factors': how the encoder's linear layers are stored
 * - 'cut': layers with fewer heads and neurons
 * - 'chosen': a storage format that was chosen for each layer
 * - 'student': another model
 * - 'int8 words', 'vocabulary': the word table alone is another
 * - 'trained': other numbers in the same formats
 */
export type Effect =
  'int8' | 'sparse' | 'factors' | 'cut' | 'chosen' | 'student' | 'int8 words' | 'vocabulary' | 'trained'

/**
 * When the study applies a step: 'shape' before the weights are trained again, 'store' after it, 'vocabulary' also after
 * it wherever the recipe has it. 'model': the step makes another model and is no part of a row's recipe.
 */
export type Stage = 'model' | 'shape' | 'vocabulary' | 'store'

/** What a step learns from texts: which tokens there are, what enters the layers, how much heads and neurons matter. */
export type TextNeeds = Partial<Record<'tokens' | 'inputs' | 'importance', 'needed' | 'helpful'>>

/** How zeros come about while a model is trained again. */
export interface Growth<S> {
  /** what is zero once `done` (0 to 1) of the growth is over */
  rule: (step: S, done: number) => PruneRule
  /** false: all zeros are there from the first training step, since they do not come by degrees */
  isGradual: boolean
  /** what goes first: where the loss misses it least, what is small, or what is small and small inputs enter */
  by: 'saliency' | 'weights' | 'inputs'
}

/** Ranks for the study to try, as shares of the full rank, where a row leaves the rank open (`wtucker:R`). */
export interface RankSearch {
  shares: readonly number[]
  /** then this step with R for its rank, at these shares */
  then?: { shape: string; shares: readonly number[] }
}

export interface RecipeStep<S extends ParsedStep> {
  kind: S['kind']
  /**
   * for help, errors and README; a step that nobody writes by hand has none. An example follows 'e.g.' where the syntax has
   * numbers
   */
  syntax: readonly (readonly [syntax: string, meaning: string])[]
  /**
   * The step's numbers.
   * @returns null where the text is another step
   * @throws where it is this step and a number is out of range
   */
  parse: (text: string) => Omit<S, 'text'> | null
  /** The same of a text that only a shape can be given, e.g. a size that texts would decide. */
  parseOfShape: ((text: string) => Omit<S, 'text'> | null) | null
  leaves: Effect
  /** what a step may not come after, each with the reason; a step after one of its own kind is refused anyway */
  cannotFollow: Partial<Record<Effect, string>>
  stage: Stage
  texts: (step: S) => TextNeeds
  /** other rows than before enter the layers, so that a calibration of the model before is stale */
  changesInputs: boolean
  /**
   * The step's own work, from weights to new weights; the given ones are not changed. It imports what it computes with
   * when it is called: a page that only reads a ledger does not load it.
   */
  apply: (model: ModelWeights, step: S, context: StepContext) => Promise<StepResult & { vocabulary?: string[] }>
  /** What the step makes of a shape, which it may change in place: pure arithmetic, as ledger.test.ts checks. */
  reshape: (shape: ModelShape, step: S) => ModelShape
  /** of steps that make zeros */
  grow: Growth<S> | null
  /** of low-rank steps */
  ranks: RankSearch | null
  /** the step is nothing but a training, in which operands are rounded as q8 and e8 round them */
  isRoundedTraining?: true
}
