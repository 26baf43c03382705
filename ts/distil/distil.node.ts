// A small student from classifiers, labelled texts and, where there are some, texts without labels.

import { textsOfRows } from '../data/examples.ts'
import { matchLabels, type LabelOrder } from '../data/labels.ts'
import type { PreparedData } from '../data/prepare.ts'
import type { TextInput } from '../inference/batches.ts'
import type { Classifier } from '../inference/classifier.ts'
import { SILENT, type Reporter } from '../inference/reporter.ts'
import { isFolder } from '../io/folder.node.ts'
import { problemTypeOf } from '../model/config.ts'
import { encoderSize } from '../model/preset.ts'
import { trainingFolder } from '../train/resumable.node.ts'
import { NEW_MODEL, PEAK_RATE } from '../train/defaults.ts'
import type { TrainedClassifier, Watch } from '../train/settings.ts'
import { prepareTrainable } from '../train/starting-model.ts'
import { openTrainingData, orderLabels, rateOf, tokensOf, trainAndSave } from '../train/train-on-data.node.ts'
import { augmentTexts, nearestWords } from './augment.ts'
import { checkTogether, hiddenOf, planOf, sizeFor } from './plan.ts'
import type { DistilSettings } from './settings.ts'
import { startStudent, type StartedStudent } from './student.ts'
import { meanLogits, openTeachers } from './teachers.node.ts'

/** Between the seeds of two copies: copies of one run share nothing with those of a run with the next seed. */
const COPY_SEEDS = 1_000_003

/** As `distil` of distil.ts. */
export async function distilOnData(settings: DistilSettings, watch: Watch): Promise<TrainedClassifier> {
  const { teachers: sources, seed, augment = 0, threads, out } = settings
  const { reporter = SILENT } = watch
  const size = (await isFolder(settings.student)) ? null : encoderSize(settings.student)
  checkTogether(settings, size)
  const teachers = await openTeachers(sources)
  const [teacher] = teachers
  // texts are compared as the teacher reads them
  const preparation = settings.preparation ?? teacher.weights.config.preparation ?? null
  const data = await openTrainingData({ ...settings, model: sources[0], preparation }, reporter)
  orderLabels(data, teacherOrder(data, teacher, sources[0]), reporter)
  checkTexts(settings, data)
  const texts: TextInput[] = [...data.train, ...data.unlabelled]
  const words = [...textsOfRows(data.train), ...data.unlabelled]
  // what cannot be trained is refused before the teacher reads
  const existing = size ? null : await openStudent(settings, data)
  const copies = augment > 0 ? augmented(teacher, words, augment, data, seed, reporter) : []
  const reading = { folder: trainingFolder(out), maxPositions: tokensOf(settings), threads, watch }
  const teacherLogits = await meanLogits(teachers, [texts, ...copies], reading)
  const student = existing ?? (await startStudent(teacher, words, planOf(settings, sizeFor(size!, teacher, settings))))
  for (const note of student.notes) reporter.note(note)
  const { alpha, temperature, logitMse, hiddenWeight } = settings
  const hidden = hiddenWeight > 0 ? { hidden: hiddenOf(student, hiddenWeight) } : {}
  const run = {
    start: student.weights,
    tokenizer: student.tokenizer,
    files: student.files,
    learningRate: size ? rateOf(size) : PEAK_RATE.pretrained,
    unlabelled: [...data.unlabelled, ...copies.flat()],
    teacherLogits,
    more: { alpha, temperature, logitMse, ...hidden },
  }
  return trainAndSave(settings, data, run, watch)
}

/** @throws where the data's labels are not the teacher's */
function teacherOrder(data: PreparedData, { weights: { config } }: Classifier, source: string): LabelOrder {
  const { labels } = config
  const { problemType = 'single_label_classification' } = data
  if (problemTypeOf(config) !== problemType)
    throw new Error(
      `${data.source} has labels of ${problemType}, the teacher gives those of ${problemTypeOf(config)}; they must be the same: say what the data has with problemType (--problem-type)`,
    )
  if (problemType === 'regression') {
    if (labels.length !== 1)
      throw new Error(`${source} has ${labels.length} outputs; a regression is distilled from models with one`)
    return { labels, order: [0], note: '' }
  }
  if (problemType === 'single_label_classification' && data.labels.length !== labels.length)
    throw new Error(
      `${data.source} has ${data.labels.length} labels (${data.labels.join(', ')}), the teacher ${labels.length} (${labels.join(', ')}); they must be the same`,
    )
  return matchLabels(data.labels, labels, source)
}

/** @throws where texts that are not in the data would be read alone beside pairs */
function checkTexts({ augment = 0, unlabelled }: DistilSettings, data: PreparedData): void {
  const what = augment > 0 ? 'augment (--augment)' : unlabelled ? 'unlabelled (--unlabelled)' : null
  if (what && data.train.some(({ text_pair: second }) => second !== undefined))
    throw new Error(`distil: the data has pairs of texts, and ${what} makes single ones; leave it out`)
}

/** A student that exists: its labels must be in the teacher's order, which the logits have. */
async function openStudent(
  { student: model, seed, preparation = null }: DistilSettings,
  data: PreparedData,
): Promise<StartedStudent> {
  const start = await prepareTrainable({ model, seed, preparation }, NEW_MODEL, data)
  if (start.labels?.order.some((label, i) => label !== i))
    throw new Error(
      `${model} has its labels in the order ${start.labels.labels.join(', ')}, the teacher ${data.labels.join(', ')}; give a student with the teacher's order, or one without a classifier`,
    )
  const { weights, tokenizer, tokenizerFiles, labels, words } = start
  const notes = [words, ...start.notes, ...(labels?.note ? [labels.note] : [])]
  return { weights, tokenizer, files: tokenizerFiles, teacher: null, notes }
}

/**
 * As many parts of altered texts as there are copies: each has its own seed, so that more copies begin with the same
 * ones, whose logits are on disk. No altered text is a test text or is in two parts.
 */
function augmented(
  teacher: Classifier,
  texts: string[],
  copies: number,
  data: PreparedData,
  seed: number,
  reporter: Reporter,
): string[][] {
  reporter.stage('altering texts')
  const neighbours = nearestWords(teacher, texts)
  const parts: string[][] = []
  const test = data.test.map(({ text }) => text)
  for (let copy = 0; copy < copies; copy++) {
    const except = [test, ...parts].flat()
    const part = augmentTexts(texts, neighbours, { count: texts.length, seed: seed + copy * COPY_SEEDS, except })
    if (part.length) parts.push(part)
  }
  reporter.done(
    `${parts.flat().length} altered texts, ${neighbours.size} words with neighbours: the teacher alone says what the texts are`,
  )
  return parts
}
