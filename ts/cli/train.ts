// `train`: a classifier from data; what `distil` does likewise.

import { isFolder, isThere } from '../io/folder.node.ts'
import { PRESETS } from '../model/config.ts'
import { encoderSize, type EncoderSize } from '../model/preset.ts'
import type { ModelWeights } from '../model/weights.ts'
import { saveModel } from '../model/save.ts'
import { vocabularyOf } from '../text/tokenizer-files.ts'
import { encodeTexts } from '../inference/batches.ts'
import type { LabelOrder } from '../data/labels.ts'
import { applyLabelOrder } from '../data/labels.ts'
import { prepareData, type PreparedData } from '../data/prepare.ts'
import { prepareModel, shapeWords, type StartingModel } from '../train/starting-model.ts'
import type { StudySettings } from '../report/results.ts'
import { scaleFor, type Scale } from '../study/settings.ts'
import { trainWithin } from '../train/within-time.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { shapeOfModel } from '../train/convert.ts'
import { piecePairs } from '../train/pieces.ts'
import { type TrainOptions } from '../train/options.ts'
import { UsageError } from './failure.ts'
import { createProgress } from './progress.ts'
import { resumable } from './resumable.ts'
import { scoreModel } from '../evaluation/scores.ts'
import { scoreWords } from './scores.ts'
import { searchSettings, trialLines } from './tune.ts'
import { preparationOf, type PreparationFlags } from './values.ts'

export interface TrainFlags extends PreparationFlags {
  data: string
  test?: string
  text?: string
  label?: string
  out: string
  epochs: number
  minutes: number
  batch: number
  learningRate?: number
  seed: number
  threads?: number
  json?: boolean
  model?: string
  /** layers x width of a model from random weights */
  size?: string
  tune?: boolean
  trials?: number
  resume?: boolean
  accumulate?: number
  quantizationAware?: 'q8' | 'q8+e8'
  dropout: number
  pieceDropout?: number
}

/** Models of less than this width take larger steps, as the study's own student does. */
const NARROW = 128
/** Of what names a size. */
export const EXPECTED_SIZE = 'expected layers x width with a width divisible by 32, such as 2x128'
const DEFAULT_TRIALS = 9

export const reporter = createProgress()

export const settingsOf = (flags: TrainFlags): StudySettings => ({
  model: flags.model ?? 'scratch',
  data: flags.data,
  test: flags.test ?? null,
  validation: null,
  unlabelled: null,
  text: flags.text ?? null,
  label: flags.label ?? null,
  preparation: preparationOf(flags),
  seed: flags.seed,
  minutes: flags.minutes,
  quick: false,
  isTuned: true,
  passes: null,
  hiddenWeight: 0,
  student: null,
})

/** All the data there is: the size is the caller's choice here, not the study's. */
export const unbounded = (scale: Scale): Scale => ({ ...scale, maxTrain: Infinity, maxTest: Infinity })

export async function openData(settings: StudySettings, scale: Scale): Promise<PreparedData> {
  const data = await prepareData(settings, scale)
  for (const note of data.notes) reporter.note(note)
  // nothing is chosen on validation texts here
  return { ...data, train: [...data.train, ...data.validation], validation: [] }
}

/** Puts the data's labels into the model's order and says what was assumed. */
export function orderLabels(data: PreparedData, labels: LabelOrder): void {
  applyLabelOrder(data, labels)
  if (labels.note) reporter.note(labels.note)
}

/**
 * A model to train further: dense f32 layers, uneven ones too, and chains of f32 factors; its recipe stays on record.
 * @throws where its layers or tables are stored in a form that cannot be trained
 */
export async function prepareStart(settings: StudySettings, scale: Scale, data: PreparedData): Promise<StartingModel> {
  const start = await prepareModel(settings, scale, data, { forTraining: true })
  try {
    shapeOfModel(start.weights)
  } catch (error) {
    const { recipe } = start.weights.config
    throw new Error(
      `${settings.model}${recipe && ` (${recipe})`} is not of a form that can be trained: ${(error as Error).message.replace(/^train: /, '')}`,
      { cause: error },
    )
  }
  return start
}

/** The scale for a model from random weights of that size. */
function withSize(scale: Scale, text: string | undefined): Scale {
  if (text === undefined) return scale
  const size = encoderSize(text)
  if (!size) throw new UsageError(`--size ${text}: ${EXPECTED_SIZE}, or one of ${Object.keys(PRESETS).join(', ')}`)
  return { ...scale, baseline: size, learningRate: { ...scale.learningRate, scratch: rateOf(size, scale) } }
}

/** Peak of the learning rate for a new model of that size. */
export const rateOf = ({ hiddenSize }: EncoderSize, { learningRate }: Scale): number =>
  hiddenSize < NARROW ? learningRate.student : learningRate.scratch

/** Trains a classifier on four fifths of the data, or all of it where there is a test file, and scores it on the rest. */
export async function trainCommand(flags: TrainFlags): Promise<void> {
  if (flags.resume && flags.tune)
    throw new UsageError('--resume goes on with one training, --tune searches anew; leave one of them out')
  if (flags.trials && !flags.tune) throw new UsageError('--trials are those of --tune; give --tune too')
  if (flags.size && flags.model) throw new UsageError('--model has a size of its own; leave out --size, or --model')
  const settings = settingsOf(flags)
  const scale = withSize(unbounded(scaleFor(flags.minutes, false)), flags.size)
  const data = await openData(settings, scale)
  const start = await prepareStart(settings, scale, data)
  if (start.labels) orderLabels(data, start.labels)
  const fromScratch = start.training === 'scratch' || settings.model.startsWith('preset:')
  await trainAndSave(flags, data, {
    start: start.weights,
    tokenizer: start.tokenizer,
    files: start.tokenizerFiles,
    learningRate: fromScratch ? scale.learningRate.scratch : scale.learningRate.pretrained,
    maxPositions: scale.maxPositions,
  })
}

/** What flags ask of the trainer beyond its plan. */
const ownOptions = (
  { accumulate, quantizationAware, pieceDropout }: TrainFlags,
  tokenizer: Tokenizer,
): Partial<TrainOptions> => ({
  ...(accumulate && { accumulate }),
  ...(quantizationAware && { fakeQuantize: { linears: true, embeddings: quantizationAware === 'q8+e8' } }),
  ...(pieceDropout && { pieceDropout: { rate: pieceDropout, pairs: piecePairs(vocabularyOf(tokenizer)) } }),
})

export interface TrainingRun {
  start: ModelWeights
  tokenizer: Tokenizer
  /** the tokenizer's, which are saved beside the weights */
  files: Record<string, string>
  learningRate: number
  maxPositions: number
  /** texts without a label, after those of the data */
  unlabelled?: string[]
  /** f32 [data.train and unlabelled, labels] */
  teacherLogits?: Float32Array
  more?: Partial<TrainOptions>
}

/** What cannot be a model's folder is refused before hours of training. */
async function checkOut(out: string): Promise<void> {
  if ((await isThere(out)) && !(await isFolder(out)))
    throw new Error(`--out ${out}: it is a file; expected a folder, or a name that is free`)
}

/** Trains, saves, scores on the test texts, and says so. */
export async function trainAndSave(flags: TrainFlags, data: PreparedData, run: TrainingRun): Promise<void> {
  const { start, tokenizer, files, unlabelled = [] } = run
  await checkOut(flags.out)
  const limit = Math.min(run.maxPositions, start.config.maxPositions)
  const encoded = encodeTexts(tokenizer, [...data.train.map(({ text }) => text), ...unlabelled], limit)
  if (encoded.truncated) reporter.note(`${encoded.truncated} texts are longer than ${limit} tokens and lost their end`)
  const examples = encoded.ids.map((ids, i) => ({ ids, label: data.train[i]?.label ?? -1 }))
  const began = performance.now()
  const more = { ...run.more, ...ownOptions(flags, tokenizer) }
  const usual = {
    learningRate: flags.learningRate ?? run.learningRate,
    epochs: flags.epochs,
    dropout: flags.dropout,
    batch: flags.batch,
  }
  const tuned = flags.tune
    ? await searchSettings(start, examples, usual, { ...flags, trials: flags.trials ?? DEFAULT_TRIALS, more }, reporter)
    : null
  if (tuned && !flags.json) process.stdout.write(`${trialLines(tuned).join('\n')}\n`)
  const seconds = Math.max(1, flags.minutes * 60 - (performance.now() - began) / 1000)
  const { trained, scored, bytes } = await resumable(flags, reporter, async (signal, checkpoints) => {
    reporter.stage(`training ${shapeWords(start)}`)
    const plan = {
      ...(tuned?.chosen ?? usual),
      seconds,
      seed: flags.seed,
      threads: flags.threads ?? 0,
      ...(run.teacherLogits && { teacherLogits: run.teacherLogits }),
      more: { ...more, ...checkpoints },
    }
    const trained = await trainWithin(start, examples, plan, reporter, signal)
    reporter.done(trained.words)
    const bytes = await saveModel(trained.model, flags.out, { files })
    const scored = await scoreModel(trained.model, tokenizer, data.test, {
      maxLength: limit,
      threads: flags.threads ?? 0,
      seed: flags.seed,
    })
    return { trained, scored, bytes }
  })
  const result = {
    out: flags.out,
    bytes: bytes['model.safetensors'],
    steps: trained.steps,
    seconds: trained.seconds,
    train: data.train.length,
    ...(unlabelled.length && { unlabelled: unlabelled.length }),
    test: data.test.length,
    preparation: start.config.preparation ?? null,
    ...(tuned && { tune: tuned }),
    ...scored,
  }
  process.stdout.write(
    flags.json
      ? `${JSON.stringify(result)}\n`
      : `${flags.out}: ${(result.bytes / 1e6).toFixed(2)} MB, on ${data.test.length} texts held out:\n${scoreWords(scored)}`,
  )
}
