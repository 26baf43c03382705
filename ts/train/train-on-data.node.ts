// From a data set to a classifier in a folder: the steps that `train` and `distil` share, and those of `train`.

import { applyLabelOrder, type LabelOrder } from '../data/labels.ts'
import { balanceExamples, goalOfRow } from '../data/examples.ts'
import { prepareData, type PreparedData, type PrepareOptions } from '../data/prepare.ts'
import { trainingOf, withTraining } from '../data/trained-on.node.ts'
import { scoreModel } from '../evaluation/task-scores.ts'
import { shiftDecision } from '../evaluation/threshold.ts'
import { encodeTexts } from '../inference/batches.ts'
import { openDevice } from '../inference/devices.ts'
import { logitsOf } from '../inference/logits.ts'
import { SILENT, type Reporter } from '../inference/reporter.ts'
import { isFolder, isThere } from '../io/folder.node.ts'
import { PRESETS, problemTypeOf } from '../model/config.ts'
import { encoderSize, type EncoderSize } from '../model/preset.ts'
import { saveModel } from '../model/save.ts'
import type { ModelWeights } from '../model/weights.ts'
import { vocabularyOf } from '../text/tokenizer-files.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { cropOf, FROM_SCRATCH, LINEAR_TEACHER, NEW_MODEL, PEAK_RATE } from './defaults.ts'
import { startLinearly } from './linear-start.ts'
import { canTeachLinearly, linearTeacherLogits } from './linear-teacher.ts'
import type { TrainOptions } from './options.ts'
import { isWordPiece, piecePairs } from './pieces.ts'
import { resumable } from './resumable.node.ts'
import { tuneTraining, type Tuned } from './search.ts'
import type { TrainedClassifier, TrainingSettings, TrainSettings, Watch } from './settings.ts'
import { prepareTrainable, shapeWords, type StartingModel } from './starting-model.ts'
import type { TrainingSetting } from './tune.ts'
import { trainWithin, type Example } from './within-time.ts'

/** Models of less than this width take larger steps, as the study's own student does. */
const NARROW = 128
/** Of the minutes given; the rest is for training with what was found. */
const SEARCH_SHARE = 0.6

/** Peak of the learning rate for a new model of that size. */
export const rateOf = ({ hiddenSize }: EncoderSize): number =>
  hiddenSize < NARROW ? PEAK_RATE.narrow : PEAK_RATE.scratch

/** All the data there is; validation texts are trained on, unless a threshold is chosen by them. */
export async function openTrainingData(
  options: PrepareOptions & Pick<TrainingSettings, 'threshold'>,
  reporter: Reporter,
): Promise<PreparedData> {
  const data = await prepareData(options, { maxTrain: Infinity, maxTest: Infinity })
  for (const note of data.notes) reporter.note(note)
  if (options.threshold) return data
  return { ...data, train: [...data.train, ...data.validation], validation: [] }
}

/** Puts the data's labels into the model's order and says what was assumed. */
export function orderLabels(data: PreparedData, labels: LabelOrder, reporter: Reporter): void {
  applyLabelOrder(data, labels)
  if (labels.note) reporter.note(labels.note)
}

/** As `trainOnData` of train-on-data.ts. */
export async function trainFromSettings(settings: TrainSettings, watch: Watch): Promise<TrainedClassifier> {
  const { model = 'scratch', preparation = null, seed, trials } = settings
  const { reporter = SILENT } = watch
  if (settings.resume && trials !== undefined)
    throw new Error('train: resume goes on with one training, trials search anew; leave one of them out')
  const size = newSize(settings)
  const data = await openTrainingData({ ...settings, model }, reporter)
  const start = await prepareTrainable(
    { model, seed, preparation },
    { ...NEW_MODEL, baseline: size, maxPositions: tokensOf(settings) },
    data,
  )
  for (const note of start.notes) reporter.note(note)
  if (start.labels) orderLabels(data, start.labels, reporter)
  const isRandom = start.training === 'scratch' || model.startsWith('preset:')
  const teacher = settings.teacher ?? (isRandom && canTeachLinearly(data) ? 'linear' : 'none')
  const { alpha, temperature } = LINEAR_TEACHER
  const run: TrainingRun = {
    start: start.weights,
    tokenizer: start.tokenizer,
    files: start.tokenizerFiles,
    learningRate: isRandom ? rateOf(size) : PEAK_RATE.pretrained,
    ...(trials !== undefined && { trials }),
    ...(teacher === 'linear' && {
      isLinearStart: isRandom,
      teacherLogits: await linearTeacherLogits(data, { seed, reporter, signal: watch.signal }),
      more: { alpha, temperature },
    }),
  }
  return trainAndSave(isRandom ? withScratch(settings, data, start) : settings, data, run, watch)
}

/** What a model with random weights is trained with where nothing else is asked for. */
function withScratch(settings: TrainSettings, data: PreparedData, { tokenizer }: StartingModel): TrainSettings {
  const arePairs = data.train.some(({ text_pair: second }) => second !== undefined)
  return {
    ...settings,
    pieceDropout: settings.pieceDropout ?? (isWordPiece(vocabularyOf(tokenizer)) ? FROM_SCRATCH.pieceDropout : 0),
    crop: settings.crop ?? (arePairs ? 0 : FROM_SCRATCH.crop),
  }
}

function newSize({ size: text, model }: TrainSettings): EncoderSize {
  if (text === undefined) return NEW_MODEL.baseline
  if (model !== undefined) throw new Error(`train: ${model} has a size already; leave out size, or model`)
  const size = encoderSize(text)
  if (!size) throw new Error(`train: size ${text}: ${EXPECTED_SIZE}, or one of ${Object.keys(PRESETS).join(', ')}`)
  return size
}

/** Most tokens of a text. */
export const tokensOf = ({ tokens }: Pick<TrainingSettings, 'tokens'>): number => tokens ?? NEW_MODEL.maxPositions

/** Of what names a size. */
export const EXPECTED_SIZE = 'expected layers x width with a width divisible by 32, such as 2x128'

export interface TrainingRun {
  start: ModelWeights
  tokenizer: Tokenizer
  /** the tokenizer's, which are saved beside the weights */
  files: Record<string, string>
  /** where the settings name none */
  learningRate: number
  /** settings to search; without it none */
  trials?: number
  /** texts without a label, after those of the data */
  unlabelled?: string[]
  /** word vectors begin with logistic regression on their pieces */
  isLinearStart?: boolean
  /** f32 [data.train and unlabelled, labels] */
  teacherLogits?: Float32Array
  more?: Partial<TrainOptions>
}

/** Trains, saves, and scores on the test texts. */
export async function trainAndSave(
  settings: TrainingSettings,
  data: PreparedData,
  run: TrainingRun,
  watch: Watch,
): Promise<TrainedClassifier> {
  const { tokenizer, files, unlabelled = [], teacherLogits } = run
  const { out, seed, threads = 0, epochs, dropout, batch } = settings
  const { reporter = SILENT, signal } = watch
  await checkOut(out)
  const record = await trainingOf(settings)
  const { config } = run.start
  const limit = Math.min(tokensOf(settings), config.maxPositions)
  const encoded = encodeTexts(tokenizer, [...data.train, ...unlabelled], limit)
  if (encoded.truncated) reporter.note(`${encoded.truncated} texts are longer than ${limit} tokens and lost their end`)
  const examples = encoded.ids.map((ids, i) => ({
    ids,
    ...(encoded.types && { types: encoded.types[i] }),
    ...goalOfRow(data.train[i], config.labels.length),
  }))
  const began = performance.now()
  const more = { ...run.more, ...trainerOptions(settings, tokenizer) }
  const start = run.isLinearStart
    ? startLinearly(run.start, examples, { seed, pieceDropout: more.pieceDropout })
    : run.start
  const { read, said } = readingOf(examples, { settings, config, teacherLogits })
  const usual = { learningRate: settings.learningRate ?? run.learningRate, epochs, dropout, batch }
  const tuned = run.trials
    ? await search(start, examples, usual, { ...settings, trials: run.trials, more }, watch)
    : null
  if (tuned) watch.onTuned?.(tuned)
  const seconds = Math.max(1, settings.minutes * 60 - (performance.now() - began) / 1000)
  const { trained, bytes } = await resumable(settings, reporter, async (checkpoints) => {
    reporter.stage(`training ${shapeWords(start)}`)
    const plan = {
      ...(tuned?.chosen ?? usual),
      ...{ seconds, seed, threads },
      ...(said && { teacherLogits: said }),
      more: { ...more, ...checkpoints },
    }
    const trained = await trainWithin(start, read, plan, reporter, signal)
    reporter.done(trained.words)
    const known = { ...trained.model, config: withTraining(trained.model.config, record) }
    const model = settings.threshold
      ? await shifted(known, tokenizer, data.validation, limit, { reporter, threads })
      : known
    return { trained: { ...trained, model }, bytes: await saveModel(model, out, { files }) }
  })
  const { model, steps } = trained
  return {
    ...{ model, tokenizer, data, steps, tuned },
    bytes: bytes['model.safetensors'],
    seconds: trained.seconds,
    unlabelled: unlabelled.length,
    scores: await scoreModel(model, tokenizer, data.test, { maxLength: limit, threads: settings.threads, seed }),
  }
}

/** The model with its decision where macro F1 is best on the validation texts. */
async function shifted(
  model: ModelWeights,
  tokenizer: Tokenizer,
  rows: PreparedData['validation'],
  limit: number,
  { reporter, threads }: { reporter: Reporter; threads: number },
): Promise<ModelWeights> {
  const { device } = await openDevice({ device: 'cpu', ...(threads && { threads }) })
  try {
    const { ids, types } = encodeTexts(tokenizer, rows, limit)
    const logits = await logitsOf(device, model, ids, { types })
    const decided = shiftDecision(model, logits, rows, { metric: 'macroF1', positive: null })
    reporter.note(decided.words)
    return decided.model
  } finally {
    await device.dispose()
  }
}

/** The examples as they are read in one pass, and what a teacher says of each: of rarer classes more often with `balance`. */
function readingOf(
  examples: Example[],
  {
    settings,
    config,
    teacherLogits,
  }: { settings: TrainingSettings; config: ModelWeights['config']; teacherLogits?: Float32Array },
): { read: Example[]; said?: Float32Array | Float32Array[] } {
  if (!settings.balance) return { read: examples, said: teacherLogits }
  if (problemTypeOf(config) !== 'single_label_classification')
    throw new Error(
      `train: balance weighs classes, and the labels are those of ${problemTypeOf(config)}; leave it out (--balance)`,
    )
  const numbered = examples.map(({ label }, i) => ({ label, i }))
  const order = [
    ...balanceExamples(
      numbered.filter(({ label }) => label >= 0),
      settings.seed,
    ),
    // those without a label
    ...numbered.filter(({ label }) => label < 0),
  ]
  const { length: labels } = config.labels
  return {
    read: order.map(({ i }) => examples[i]),
    said: teacherLogits && order.map(({ i }) => teacherLogits.subarray(i * labels, (i + 1) * labels)),
  }
}

/** What cannot be a model's folder is refused before hours of training. */
export async function checkOut(out: string): Promise<void> {
  if ((await isThere(out)) && !(await isFolder(out)))
    throw new Error(`${out} is a file; expected a folder, or a name that is free`)
}

/** What settings ask of the trainer beyond its plan. */
export const trainerOptions = (
  { accumulate, quantizationAware, pieceDropout, crop, ...rest }: TrainingSettings,
  tokenizer: Tokenizer,
): Partial<TrainOptions> => ({
  ...(accumulate && { accumulate }),
  ...(quantizationAware && { fakeQuantize: { linears: true, embeddings: quantizationAware === 'q8+e8' } }),
  ...(pieceDropout && { pieceDropout: { rate: pieceDropout, pairs: piecePairs(vocabularyOf(tokenizer)) } }),
  ...(crop && { crop: cropOf(crop, tokensOf(rest)) }),
})

/**
 * Searches training settings on the training examples; the caller trains with the chosen one on all of them, since
 * nothing more is decided on the development part then.
 */
async function search(
  model: ModelWeights,
  examples: Example[],
  usual: TrainingSetting,
  plan: { trials: number; minutes: number; seed: number; threads?: number; more: Partial<TrainOptions> },
  { reporter = SILENT, signal }: Watch,
): Promise<Tuned> {
  const { trials, minutes, seed, threads = 0, more } = plan
  reporter.stage(`trying ${trials} settings`)
  const seconds = minutes * 60 * SEARCH_SHARE
  const tuned = await tuneTraining(model, examples, { trials, usual, seconds, seed, threads, more, reporter, signal })
  reporter.done(`${tuned.trials.length} trials, F1 on ${tuned.development} of the training texts`)
  if (tuned.scale < 1)
    reporter.note(
      `the time allowed each trial ${(100 * tuned.scale).toFixed(0)} % of its epochs: another machine may choose otherwise; more minutes or fewer trials give whole ones`,
    )
  return tuned
}
