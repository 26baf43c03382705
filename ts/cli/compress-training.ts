// `compress --train`: the steps that take something out of the layers are trained again, as the study trains its rows: zeros
// grow, factors and cut layers learn, rounding is learned, and the model that is compressed is the teacher.

import { matchLabels } from '../data/labels.ts'
import { trainingOf, trainingsOf, withTraining } from '../data/trained-on.node.ts'
import { densifyModel } from '../compress/densify.ts'
import { encodeTexts } from '../inference/batches.ts'
import { openDevice } from '../inference/devices.ts'
import { logitsOf } from '../inference/logits.ts'
import type { Reporter } from '../inference/reporter.ts'
import { openTokenizer } from '../inference/tokenizer.ts'
import { problemTypeOf } from '../model/config.ts'
import type { LoadedModel } from '../model/load.ts'
import type { ModelWeights } from '../model/weights.ts'
import { applyRecipe, parseRecipe, type RecipeResult, type Step } from '../recipe/apply.ts'
import { definitionOf } from '../recipe/steps/index.ts'
import { rateFor, shapeByRecipe, type RecipeShaping } from '../study/tuning.ts'
import { calibrate } from '../train/calibrate.ts'
import { PEAK_RATE, TRAINING } from '../train/defaults.ts'
import { openTrainingData, orderLabels } from '../train/train-on-data.node.ts'
import { resumable } from '../train/resumable.node.ts'
import { recipeTexts, type RecipeTextsOptions } from '../train/recipe-texts.ts'
import type { Example } from '../train/within-time.ts'
import { vectorLesson } from './compress-vector-training.ts'
import { UsageError } from './failure.ts'

export interface CompressTrainingOptions extends RecipeTextsOptions {
  data: string
  /** folder or hub id of the model, as it was opened */
  model: string
  /** passes over the training texts; where not given 4, and more of small data */
  epochs?: number
  /** most minutes to train */
  minutes: number
  learningRate?: number
  /** where the model goes; beside it the checkpoint is kept */
  out: string
  /** goes on with the checkpoint that a stopped run has left */
  resume?: boolean
}

/** Fewer steps bring little back: small data is read more often, at most so many times. */
const LEAST_STEPS = 300
const MAX_EPOCHS = 60
/** Peak for zeros that grow, as in the study: what is dropped in steps is learned again after each. */
const SPARSE_RATE = 3e-4
/** Texts to calibrate on. */
const CALIBRATION_TEXTS = 512

/** Steps after which the study trains a model again. */
export const trainedSteps = (steps: readonly Step[]): Step[] =>
  steps.filter((step) => definitionOf(step).stage === 'shape')

const written = (steps: readonly Step[]): string => steps.map(({ text }) => text).join('+')

/**
 * Applies a recipe and trains again what its steps took out, on the training part of the data.
 * @param save writes the model; the checkpoint is kept until it is written
 * @throws UsageError where no step needs it, or the order of the steps does not allow it
 */
export async function compressAndTrain<T>(
  loaded: LoadedModel,
  steps: readonly Step[],
  options: CompressTrainingOptions,
  save: (result: RecipeResult) => Promise<T>,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<T> {
  const shape = trainedSteps(steps)
  const rest = steps.filter((step) => !shape.includes(step))
  if (shape.length === 0)
    throw new UsageError(
      `--train trains what steps take out of the layers, and ${written(steps)} takes nothing: leave it out`,
    )
  if (steps.slice(0, shape.length).some((step) => !shape.includes(step)))
    throw new UsageError(`--train: ${written(shape)} must come first: write ${written([...shape, ...rest])}`)
  const { seed, epochs, minutes, learningRate, threads = 0 } = options
  const isEmbedder = loaded.weights.classifier === null
  const lesson = isEmbedder
    ? await vectorLesson(loaded, options, reporter, signal)
    : await classLesson(loaded, options, reporter)
  const { examples } = lesson
  const sequences = examples.map(({ ids }) => ids)
  const passes =
    epochs ?? Math.min(MAX_EPOCHS, Math.max(TRAINING.epochs, (LEAST_STEPS * TRAINING.batch) / examples.length))
  // what the data has was said when it was opened
  const quiet = { ...reporter, note: () => {} }
  const apply = async (model: ModelWeights, recipe: string): Promise<RecipeResult> => {
    const parsed = parseRecipe(recipe)
    const weights = densifyModel(model, { keepsChains: true }).model
    const texts = await recipeTexts({ ...loaded, weights }, parsed, { ...options, reporter: quiet })
    return applyRecipe(model, parsed, { seed, ...texts })
  }
  const shaping = (checkpoints: Checkpoints): RecipeShaping => ({
    base: {
      id: 'baseline',
      model: loaded.weights,
      isTrained: true,
      ...lesson,
      calibration: (model) =>
        calibrate(densifyModel(model, { keepsChains: true }).model, sequences.slice(0, CALIBRATION_TEXTS), {
          signal,
          ...(threads && { threads }),
        }),
    },
    apply,
    context: {
      settings: { seed, passes, hiddenWeight: 0 },
      scale: { batch: TRAINING.batch, epochs: { tune: passes } },
      ...{ reporter, threads, signal, checkpoints },
      tuneSeconds: () => minutes * 60,
      tuneRate: (_, lost) => learningRate ?? rateFor(lost, { tune: SPARSE_RATE, pretrained: PEAK_RATE.pretrained }),
    },
  })
  const training = isEmbedder ? null : await trainingOf(options)
  return resumable(options, reporter, async (checkpoints) => {
    reporter.stage(`training ${written(shape)}`)
    const shaped = await shapeByRecipe(written(shape), true, shaping(checkpoints))
    reporter.done()
    const stored = rest.length === 0 ? { model: shaped.model, notes: [] } : await apply(shaped.model, written(rest))
    const { config } = stored.model
    const isKnown = trainingsOf(config).some((known) => JSON.stringify(known) === JSON.stringify(training))
    return save({
      ...stored,
      // held-out texts of an embedder are found without a record: its tests hold out the same texts of a file every time
      model: { ...stored.model, config: isKnown || training === null ? config : withTraining(config, training) },
      notes: [...shaped.notes, ...stored.notes],
    })
  })
}

type Checkpoints = RecipeShaping['context']['checkpoints']

/** Labelled texts, and what the model says of them. */
async function classLesson(
  loaded: LoadedModel,
  options: CompressTrainingOptions,
  reporter: Reporter,
): Promise<Pick<RecipeShaping['base'], 'examples' | 'teacherLogits'>> {
  const { config } = loaded.weights
  if (problemTypeOf(config) !== 'single_label_classification' || config.task === 'token-classification')
    throw new UsageError('--train learns classes of texts, and this model gives none: leave it out')
  const examples = await openExamples(loaded, options, reporter)
  const sequences = examples.map(({ ids }) => ids)
  const teacherLogits = await logitsOnCpu(loaded.weights, sequences, options, reporter)
  return { examples, teacherLogits: () => Promise.resolve(teacherLogits) }
}

/** The training part of the data, as `train` takes it, in the model's own tokens and labels. */
async function openExamples(
  { weights: { config }, tokenizerFiles, where }: LoadedModel,
  options: CompressTrainingOptions,
  reporter: Reporter,
): Promise<Example[]> {
  const data = await openTrainingData(options, reporter)
  orderLabels(data, matchLabels(data.labels, config.labels, options.model), reporter)
  const tokenizer = await openTokenizer(tokenizerFiles, config, where)
  const { ids, types } = encodeTexts(tokenizer, data.train, config.maxPositions)
  return data.train.map(({ label }, i) => ({ ids: ids[i], ...(types && { types: types[i] }), label }))
}

/** What the model that is compressed says, f32 [sequences, labels]. */
async function logitsOnCpu(
  model: ModelWeights,
  sequences: Int32Array[],
  { threads }: CompressTrainingOptions,
  reporter: Reporter,
): Promise<Float32Array> {
  const { device } = await openDevice({ device: 'cpu', threads })
  try {
    reporter.stage('what the model says of the training texts')
    return await logitsOf(device, model, sequences, { progress: reporter.progress })
  } finally {
    reporter.done()
    await device.dispose()
  }
}
