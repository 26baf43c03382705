// `train` and `distil`: a classifier from data, a small student from a classifier.

import type { ModelWeights } from '../model/weights.ts'
import { PRESETS } from '../model/config.ts'
import { encoderSize } from '../model/preset.ts'
import { buildProgram } from '../model/bert.ts'
import { saveModel } from '../model/save.ts'
import { openClassifier } from '../study/classifier.ts'
import { openDevice } from '../study/devices.ts'
import { matchLabels } from '../study/labels.ts'
import { encodeTexts, runLogits } from '../study/evaluate.ts'
import {
  applyLabelOrder,
  filesOf,
  learnTokenizer,
  modelConfig,
  prepareData,
  prepareModel,
  shapeWords,
  type StudyData,
} from '../study/prepare.ts'
import { scaleFor, type Scale, type StudySettings } from '../study/settings.ts'
import { trainWithin } from '../study/training.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { initializeModel } from '../train/index.ts'
import { UsageError } from './failure.ts'
import { createProgress } from './progress.ts'
import { scoreModel, scoreWords } from './scores.ts'
import { searchSettings, trialLines } from './tune.ts'
import { preparationOf, type PreparationFlags } from './values.ts'

interface TrainFlags extends PreparationFlags {
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
  tune?: boolean
  trials?: number
}

const DEFAULT_TRIALS = 9
/** The trainer's own, named where settings are compared. */
const DROPOUT = 0.1

const reporter = createProgress()

const settingsOf = (flags: TrainFlags): StudySettings => ({
  model: flags.model ?? 'scratch',
  data: flags.data,
  test: flags.test ?? null,
  text: flags.text ?? null,
  label: flags.label ?? null,
  preparation: preparationOf(flags),
  seed: flags.seed,
  minutes: flags.minutes,
  quick: false,
})

/** All the data there is: the size is the caller's choice here, not the study's. */
const unbounded = (scale: Scale): Scale => ({ ...scale, maxTrain: Infinity, maxTest: Infinity })

async function openData(settings: StudySettings, scale: Scale): Promise<StudyData> {
  const data = await prepareData(settings, scale)
  for (const note of data.notes) reporter.note(note)
  // nothing is chosen on validation texts here
  return { ...data, train: [...data.train, ...data.validation], validation: [] }
}

/** Trains a classifier on four fifths of the data, or all of it where there is a test file, and scores it on the rest. */
export async function trainCommand(flags: TrainFlags): Promise<void> {
  if (flags.trials && !flags.tune) throw new UsageError('--trials are those of --tune; give --tune too')
  const settings = settingsOf(flags)
  const scale = unbounded(scaleFor(flags.minutes, false))
  const data = await openData(settings, scale)
  const start = await prepareModel(settings, scale, data)
  if (start.labels) applyLabelOrder(data, start.labels)
  const fromScratch = start.training === 'scratch' || settings.model.startsWith('preset:')
  await trainAndSave(flags, data, start.weights, start.tokenizer, start.tokenizerFiles, {
    learningRate: fromScratch ? scale.learningRate.scratch : scale.learningRate.pretrained,
    maxPositions: scale.maxPositions,
  })
}

/** Layers and width of a student: `2x128` or the name of a preset. */
export function studentSize(text: string): Scale['baseline'] {
  const size = encoderSize(text)
  if (!size)
    throw new UsageError(
      `--student ${text}: expected layers x width with a width divisible by 32, such as 2x128, or one of ${Object.keys(PRESETS).join(', ')}`,
    )
  return size
}

/** Trains a student on the labels and on what the teacher says of the training texts. */
export async function distilCommand(teacherSource: string, flags: TrainFlags & { student: string }): Promise<void> {
  const size = studentSize(flags.student)
  const settings = settingsOf(flags)
  const scale = unbounded(scaleFor(flags.minutes, false))
  const teacher = await openClassifier(teacherSource)
  const { labels } = teacher.weights.config
  const data = await openData(settings, scale)
  if (data.labels.length !== labels.length)
    throw new Error(
      `${flags.data} has ${data.labels.length} labels (${data.labels.join(', ')}), the teacher ${labels.length} (${labels.join(', ')}); they must be the same`,
    )
  applyLabelOrder(data, matchLabels(data.labels, labels, teacherSource))
  reporter.stage('the teacher reads the training texts')
  const device = await openDevice('cpu', flags.threads ?? 0)
  let teacherLogits: Float32Array
  try {
    const session = await device.load(buildProgram(teacher.weights, 'logits'))
    const texts = data.train.map(({ text }) => text)
    const { ids } = encodeTexts(
      teacher.tokenizer,
      texts,
      Math.min(scale.maxPositions, teacher.weights.config.maxPositions),
    )
    teacherLogits = await runLogits(session, ids, labels.length, { progress: reporter.progress })
    session.dispose()
  } finally {
    await device.dispose()
  }
  reporter.done()
  const preparation = settings.preparation ?? teacher.weights.config.preparation ?? null
  const tokenizer = learnTokenizer(data.train, scale.studentVocabulary, preparation)
  const student = initializeModel(modelConfig(size, tokenizer, labels, scale.maxPositions, preparation), flags.seed)
  await trainAndSave(flags, data, student, tokenizer, filesOf(tokenizer), {
    learningRate: scale.learningRate.scratch,
    maxPositions: scale.maxPositions,
    teacherLogits,
  })
}

async function trainAndSave(
  flags: TrainFlags,
  data: StudyData,
  start: ModelWeights,
  tokenizer: Tokenizer,
  files: Record<string, string>,
  plan: { learningRate: number; maxPositions: number; teacherLogits?: Float32Array },
): Promise<void> {
  const limit = Math.min(plan.maxPositions, start.config.maxPositions)
  const encoded = encodeTexts(
    tokenizer,
    data.train.map(({ text }) => text),
    limit,
  )
  if (encoded.truncated) reporter.note(`${encoded.truncated} texts are longer than ${limit} tokens and lost their end`)
  const examples = data.train.map(({ label }, i) => ({ ids: encoded.ids[i], label }))
  const began = performance.now()
  const usual = {
    learningRate: flags.learningRate ?? plan.learningRate,
    epochs: flags.epochs,
    dropout: DROPOUT,
    batch: flags.batch,
  }
  const tuned = flags.tune
    ? await searchSettings(start, examples, usual, { ...flags, trials: flags.trials ?? DEFAULT_TRIALS }, reporter)
    : null
  if (tuned && !flags.json) process.stdout.write(`${trialLines(tuned).join('\n')}\n`)
  reporter.stage(`training ${shapeWords(start)}`)
  const trained = await trainWithin(
    start,
    examples,
    {
      ...(tuned?.chosen ?? usual),
      seconds: Math.max(1, flags.minutes * 60 - (performance.now() - began) / 1000),
      seed: flags.seed,
      threads: flags.threads ?? 0,
      ...(plan.teacherLogits && { teacherLogits: plan.teacherLogits }),
    },
    reporter,
  )
  reporter.done(trained.words)
  const scored = await scoreModel(trained.model, tokenizer, data.test, {
    maxLength: limit,
    threads: flags.threads ?? 0,
    seed: flags.seed,
  })
  const bytes = await saveModel(trained.model, flags.out, { files })
  const result = {
    out: flags.out,
    bytes: bytes['model.safetensors'],
    steps: trained.steps,
    seconds: trained.seconds,
    train: data.train.length,
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
