// How the weights of a row are shaped and trained again, a trained baseline's logits as their teacher: sparse weights while
// their zeros grow, factors as factors, cut layers as smaller dense ones.

import { shiftInputs } from '../compress/shift.ts'
import { formatRecipe, parseRecipe, type RecipeResult } from '../recipe/apply.ts'
import { definitionOf } from '../recipe/steps/index.ts'
import { METRIC_NAMES } from '../evaluation/statistics.ts'
import type { ModelWeights } from '../model/weights.ts'
import { cropOf, NEW_MODEL, PEAK_RATE } from '../train/defaults.ts'
import { growingZeros, growthWords } from '../train/growing-zeros.ts'
import { uniformLayerMap, type HiddenOptions } from '../train/hidden.ts'
import type { TrainOptions } from '../train/options.ts'
import { trainWithin, type Trained } from '../train/within-time.ts'
import type { Reporter } from '../inference/reporter.ts'
import type { StudySettings } from '../report/results.ts'
import type { Base } from './bases.ts'
import type { RowPlan } from './catalogue.ts'
import type { Scale } from './settings.ts'
import type { Store } from './store.ts'

/** What a low-rank row may lose of the deciding measure on the validation texts, against its base. */
const LOW_RANK_LOSS = 0.005
/** What random weights get: there is nothing to hold. */
const UNTRAINED_SHARE = 0.25
/**
 * What training is trusted to bring back of the deciding measure. The first rank that loses no more than the first of these is
 * trained; where that does not hold, the first that loses no more than the second. Each gets its part of the time.
 */
const REPAIRABLE = [0.08, 0.02]
/** What a training has to bring back: zeros that grow, the rounding of int8 alone, or other shapes of layers. */
export type Lost = 'zeros' | 'rounding' | 'shape'
/**
 * Passes, where the time allows. Twice as many for zeros as for factors and cut layers: what is cut away in steps is learned
 * again after each. Rounding takes little away: 50 steps bring back a fifth of it.
 */
const PASSES: Record<Lost, number> = { zeros: 2, shape: 1, rounding: 0.3 }
/** Peak of the learning rate for a model that was trained well: larger steps where more was lost. */
export const rateFor = (lost: Lost, rates: Pick<Scale['learningRate'], 'tune' | 'pretrained'>): number =>
  ({ zeros: rates.tune, shape: rates.pretrained, rounding: PEAK_RATE.rounding })[lost]

/** Share of cross-entropy beside the teacher: labels are noisier than what the teacher says. */
const ALPHA = 0.3

export type Apply = (model: ModelWeights, recipe: string) => Promise<RecipeResult>

export interface VariantContext {
  settings: StudySettings
  scale: Scale
  store: Store
  reporter: Reporter
  threads: number
  /** seconds for the training of a shape, which rows of the same base and shape share */
  tuneSeconds: (row: Pick<RowPlan, 'base' | 'shape'>) => number
  /** a training took so many seconds */
  onTrained?: (seconds: number) => void
  /** a shape is made, trained again where that was asked for */
  onShaped?: (row: Pick<RowPlan, 'base' | 'shape'>) => void
  /** learning rate for training a shaped base again: larger steps where more was lost */
  tuneRate: (base: Pick<Base, 'id'>, lost: Lost) => number
  /** false: shaped weights stay as they are */
  isTuned: boolean
  signal?: AbortSignal
}

export interface Shaped {
  model: ModelWeights
  recipe: string
  notes: string[]
}

/** What shaping by a recipe needs of a study, or of a call that shapes one model. */
export interface RecipeShaping {
  base: Pick<Base, 'id' | 'model' | 'isTrained' | 'examples' | 'teacherLogits' | 'calibration' | 'vectors'>
  apply: Apply
  context: Pick<VariantContext, 'reporter' | 'threads' | 'tuneRate' | 'onTrained' | 'signal'> & {
    /** asked for where a training begins */
    tuneSeconds: () => number
    settings: Pick<StudySettings, 'seed' | 'passes' | 'hiddenWeight'>
    scale: Pick<Scale, 'batch'> & { epochs: Pick<Scale['epochs'], 'tune'> }
    /** keeps the training so that it can be gone on with; a shape is trained once */
    checkpoints?: Pick<TrainOptions, 'checkpoint' | 'resume'>
  }
}

/** What shaping needs of the study around it. */
export interface Shaping {
  base: Base
  apply: Apply
  context: Omit<VariantContext, 'tuneSeconds'> & { tuneSeconds: () => number }
}

/** The row's shaped weights, trained again where the base was trained and the row asks for it. */
export const shapeWeights = (shape: string, isTuned: boolean, shaping: Shaping): Promise<Shaped> =>
  shape.endsWith(':R') ? chooseRank(shape, isTuned, shaping) : shapeByRecipe(shape, isTuned, shaping)

/** The same of a shape that leaves no rank open. */
export async function shapeByRecipe(shape: string, isTuned: boolean, shaping: RecipeShaping): Promise<Shaped> {
  const { base, apply } = shaping
  if (!isTuned || !base.isTrained) {
    const { model, notes } = await apply(base.model, shape)
    const why = base.isTrained ? [] : ['not trained again: the base has random weights']
    return { model, recipe: shape, notes: [...notes, ...why] }
  }
  const steps = parseRecipe(shape)
  const rounding = steps.find((step) => definitionOf(step).isRoundedTraining)
  const sparse = steps.find((step) => definitionOf(step).grow)
  const growth = sparse && definitionOf(sparse).grow
  const from = rounding ? await withMeansMoved(base) : { model: base.model, notes: [] }
  // structure and factors come before the zeros, which grow in what is left
  const before = formatRecipe(steps.filter((step) => step !== rounding && !(growth && step === sparse)))
  const start = before ? await apply(from.model, before) : { model: from.model, notes: [] }
  const calibration = growth?.by === 'inputs' ? await base.calibration(start.model) : undefined
  const trained = await train(start.model, shaping, {
    states: from.model,
    lost: growth ? 'zeros' : before === '' ? 'rounding' : 'shape',
    ...(growth && { maskSchedule: growingZeros(sparse, growth, calibration) }),
    ...(rounding && { fakeQuantize: { linears: true, embeddings: true } }),
  })
  const known = { ...trained.model, config: start.model.config }
  // the zeros are held at the end, so the step finds the same ones again
  const again = growth ? await apply(known, sparse.text) : { model: known, notes: [] }
  const words = `${growth ? growthWords(growth) : 'trained again'}${rounding ? ', operands rounded' : ''}`
  return {
    model: rounding ? recorded(again.model, rounding.text) : again.model,
    recipe: shape,
    notes: [...from.notes, ...start.notes, ...again.notes, `${words}: ${trained.words}`],
  }
}

/** A step that left nothing but other numbers, in the model's record. */
const recorded = (model: ModelWeights, step: string): ModelWeights => ({
  ...model,
  config: { ...model.config, recipe: model.config.recipe === '' ? step : `${model.config.recipe}+${step}` },
})

/** Rounding is trained where it is finest: with the means of what enters the layers in the biases, as q8:shift puts them. */
async function withMeansMoved({ model, calibration }: RecipeShaping['base']): Promise<Pick<Shaped, 'model' | 'notes'>> {
  const { layerGroups, layers } = model.config
  if (layerGroups !== undefined && layerGroups !== layers)
    return { model, notes: ['means of what enters the layers stay: a layer is applied several times'] }
  const moved = shiftInputs(model, await calibration(model))
  return { model: moved, notes: ['means of what enters the layers moved into biases'] }
}

/** Long single texts are read in parts, as the baseline of them was: a step costs a fraction, and there are seconds for few. */
export function partsOf({ examples, vectors }: RecipeShaping['base']): Pick<TrainOptions, 'crop'> {
  const longest = examples.reduce((most, { ids }) => Math.max(most, ids.length), 0)
  const isSingle = examples.every(({ types }) => types === undefined)
  return !vectors && isSingle && longest > NEW_MODEL.maxPositions ? { crop: cropOf(0, longest) } : {}
}

interface TuningPlan extends Pick<TrainOptions, 'maskSchedule' | 'fakeQuantize'> {
  /** of the seconds there are; 1 */
  share?: number
  lost: Lost
  /** whose hidden states are come near to */
  states: ModelWeights
}

async function train(model: ModelWeights, { base, context }: RecipeShaping, plan: TuningPlan): Promise<Trained> {
  const { settings, scale, reporter, signal, threads, tuneSeconds, checkpoints } = context
  const teacherLogits = await base.teacherLogits()
  const teacherVectors = await base.vectors?.teacher()
  const { passes, hiddenWeight } = settings
  const began = performance.now()
  const trained = await trainWithin(
    model,
    base.examples,
    {
      epochs: passes ?? scale.epochs.tune * PASSES[plan.lost],
      seconds: (plan.share ?? 1) * tuneSeconds(),
      batch: scale.batch,
      learningRate: context.tuneRate(base, plan.lost),
      seed: settings.seed,
      threads,
      ...(teacherLogits && { teacherLogits, alpha: ALPHA }),
      // a teacher's vector is no noisy label: nothing is dropped
      ...(teacherVectors && { teacherVectors, dropout: 0 }),
      ...(plan.maskSchedule && { maskSchedule: plan.maskSchedule }),
      more: {
        ...checkpoints,
        ...partsOf(base),
        ...(hiddenWeight > 0 && { hidden: statesOf(plan.states, hiddenWeight) }),
        ...(plan.fakeQuantize && { fakeQuantize: plan.fakeQuantize }),
      },
    },
    reporter,
    signal,
  )
  context.onTrained?.((performance.now() - began) / 1000)
  return trained
}

/** Every state with the same one of the base: shaping leaves layers and their width as they are. */
const statesOf = (teacher: ModelWeights, weight: number): HiddenOptions => ({
  teacher,
  layers: uniformLayerMap(teacher.layers.length, teacher.layers.length),
  weight,
  isProjected: false,
})

/**
 * The smallest rank whose deciding measure on the validation texts holds once its factors were trained again.
 * @param shape the step with R for its rank, e.g. 'wtucker:R'
 */
async function chooseRank(shape: string, isTuned: boolean, shaping: Shaping): Promise<Shaped> {
  const { base, apply, context } = shaping
  const at = (share: number, of = shape): string => of.replace(':R', `:${share}`)
  if (!base.isTrained) {
    const recipe = at(UNTRAINED_SHARE)
    const { model, notes } = await apply(base.model, recipe)
    return { model, recipe, notes: [notes[0], 'random weights: there is no score to choose a rank by'] }
  }
  const name = base.vectors?.measure ?? METRIC_NAMES[context.settings.metric]
  const baseScore = await base.validate(base.model)
  const words = (share: number, score: number): string =>
    `rank ${share} of the full one, validation ${name} ${score.toFixed(3)} (base ${baseScore.toFixed(3)})`
  const ranks = definitionOf(parseRecipe(at(UNTRAINED_SHARE))[0]).ranks
  if (!ranks) throw new Error(`study: '${shape}' leaves a rank open, and its step has none`)
  const candidates = [
    ...ranks.shares.map((share) => ({ share, recipe: at(share) })),
    ...(ranks.then?.shares ?? []).map((share) => ({ share, recipe: at(share, ranks.then!.shape) })),
  ]
  let tried = 0
  let best: (Shaped & { score: number }) | null = null
  for (const [i, { share, recipe }] of candidates.entries()) {
    context.reporter.progress(i, candidates.length, undefined, recipe)
    const applied = await apply(base.model, recipe)
    const score = await base.validate(applied.model)
    let shaped = {
      score,
      model: applied.model,
      recipe,
      notes: [applied.notes[0], `not trained again: ${words(share, score)}`],
    }
    if (
      isTuned &&
      tried < REPAIRABLE.length &&
      score >= baseScore - REPAIRABLE[tried] &&
      score < baseScore - LOW_RANK_LOSS
    ) {
      tried++
      const trained = await train(applied.model, shaping, {
        share: 1 / REPAIRABLE.length,
        states: base.model,
        lost: 'shape',
      })
      const model = { ...trained.model, config: applied.model.config }
      const trainedScore = await base.validate(model)
      const notes = [applied.notes[0], `factors trained again: ${trained.words}`, words(share, trainedScore)]
      if (trainedScore > score) shaped = { score: trainedScore, model, recipe, notes }
    }
    if (!best || shaped.score > best.score) best = shaped
    if (shaped.score >= baseScore - LOW_RANK_LOSS) return shaped
  }
  return {
    ...best!,
    notes: [...best!.notes, `no rank tried held ${name} within ${LOW_RANK_LOSS}`],
  }
}
