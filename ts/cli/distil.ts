// `distil`: a small student from a classifier, labelled texts and, where there are some, texts without labels.

import { PRESETS } from '../model/config.ts'
import { encoderSize } from '../model/preset.ts'
import { isFolder } from '../io/folder.node.ts'
import { augmentTexts, nearestWords } from '../distil/augment.ts'
import { loadClassifier, type Classifier } from '../inference/classifier.ts'
import { densifyModel } from '../distil/densify.ts'
import { openDevice } from '../inference/devices.ts'
import { encodeTexts } from '../inference/batches.ts'
import { logitsOf } from '../inference/logits.ts'
import { matchLabels } from '../data/labels.ts'
import type { PreparedData } from '../data/prepare.ts'
import type { StudySettings } from '../report/results.ts'
import { scaleFor, type Scale } from '../study/settings.ts'
import { startStudent, type StartedStudent } from '../distil/student.ts'
import { cachedTeacherLogits } from '../distil/teacher-logits.ts'
import { uniformLayerMap } from '../train/hidden.ts'
import { type StudentSize } from '../train/student.ts'
import { type TrainOptions } from '../train/options.ts'
import { Interrupted, UsageError } from './failure.ts'
import { trainingFolder } from './resumable.ts'
import {
  EXPECTED_SIZE,
  openData,
  orderLabels,
  prepareStart,
  rateOf,
  reporter,
  settingsOf,
  trainAndSave,
  unbounded,
  type TrainFlags,
} from './train.ts'

/** Between the seeds of two copies: copies of one run share nothing with those of a run with the next seed. */
const COPY_SEEDS = 1_000_003

export interface DistilFlags extends TrainFlags {
  student: string
  init?: 'teacher' | 'fresh'
  vocabulary?: 'same' | 'task' | number
  alpha: number
  temperature: number
  logitMse: number
  hiddenWeight: number
  unlabelled?: string
  /** times as many altered texts as there are */
  augment?: number
}

/**
 * Layers and width of a student, `2x128` or the name of a preset; null for what can only be a model's folder or id.
 * Heads have 32 dimensions, and the feed-forward is four times as wide.
 */
export function studentSize(text: string): StudentSize | null {
  const size = encoderSize(text)
  if (!size && !text.includes('/'))
    throw new UsageError(
      `--student ${text}: ${EXPECTED_SIZE}, one of ${Object.keys(PRESETS).join(', ')}, or a model's folder or hub id`,
    )
  return size
}

/**
 * Trains a student on the labels and on what the teachers say of the texts: the mean of their logits. The first of them
 * gives weights and words, where the student takes any.
 */
export async function distilCommand(sources: string[], flags: DistilFlags): Promise<void> {
  const size = (await isFolder(flags.student)) ? null : studentSize(flags.student)
  if (!size && (flags.init ?? flags.vocabulary) !== undefined)
    throw new UsageError(
      `--student ${flags.student} is a model with weights and words of its own: leave out --init and --vocabulary`,
    )
  if (flags.hiddenWeight > 0 && (!size || typeof flags.vocabulary === 'number'))
    throw new UsageError('--hidden-weight compares token by token: give --student LxH with --vocabulary same or task')
  const settings = { ...settingsOf(flags), unlabelled: flags.unlabelled ?? null }
  const scale = unbounded(scaleFor(flags.minutes, false))
  const teachers = await openTeachers(sources)
  const [teacher] = teachers
  const { labels } = teacher.weights.config
  // texts are compared as the teacher reads them
  const preparation = settings.preparation ?? teacher.weights.config.preparation ?? null
  const data = await openData({ ...settings, preparation }, scale)
  if (data.labels.length !== labels.length)
    throw new Error(
      `${flags.data} has ${data.labels.length} labels (${data.labels.join(', ')}), the teacher ${labels.length} (${labels.join(', ')}); they must be the same`,
    )
  orderLabels(data, matchLabels(data.labels, labels, sources[0]))
  const texts = [...data.train.map(({ text }) => text), ...data.unlabelled]
  // what cannot be trained is refused before the teacher reads
  const existing = size ? null : await openStudent(flags.student, settings, scale, data)
  const copies = flags.augment ? augmented(teacher, texts, flags.augment, data, flags.seed) : []
  const unlabelled = [...data.unlabelled, ...copies.flat()]
  const teacherLogits = await meanLogits(teachers, [texts, ...copies], scale, flags)
  const student =
    existing ??
    (await startStudent(teacher, texts, {
      ...planOf(flags, sizeFor(size!, teacher, flags), scale),
      preparation: settings.preparation,
    }))
  for (const note of student.notes) reporter.note(note)
  const more: Partial<TrainOptions> = {
    alpha: flags.alpha,
    temperature: flags.temperature,
    logitMse: flags.logitMse,
    ...(flags.hiddenWeight > 0 && { hidden: hiddenOf(student, flags.hiddenWeight) }),
  }
  await trainAndSave(flags, data, {
    start: student.weights,
    tokenizer: student.tokenizer,
    files: student.files,
    learningRate: size ? rateOf(size, scale) : scale.learningRate.pretrained,
    maxPositions: scale.maxPositions,
    unlabelled,
    teacherLogits,
    more,
  })
}

const planOf = ({ init = 'fresh', vocabulary, seed, hiddenWeight }: DistilFlags, size: StudentSize, scale: Scale) => ({
  size,
  init,
  // words of the teacher's own have rows to start from, and states to be compared with
  vocabulary: vocabulary ?? (init === 'teacher' || hiddenWeight > 0 ? ('task' as const) : scale.studentVocabulary),
  maxPositions: scale.maxPositions,
  seed,
})

/** LxH of the teacher's width has the teacher's heads and feed-forward where it starts from them. */
function sizeFor(size: StudentSize, { weights }: Classifier, { student, init }: DistilFlags): StudentSize {
  const { hiddenSize, heads, intermediateSize } = weights.config
  if (init !== 'teacher' || size.hiddenSize !== hiddenSize || Object.hasOwn(PRESETS, student)) return size
  return { ...size, heads, intermediateSize }
}

/** A student that exists: its labels must stand in the teacher's order, which the logits have. */
async function openStudent(
  source: string,
  settings: StudySettings,
  scale: Scale,
  data: PreparedData,
): Promise<StartedStudent> {
  const start = await prepareStart({ ...settings, model: source }, scale, data)
  if (start.labels?.order.some((label, i) => label !== i))
    throw new Error(
      `${source} has its labels in the order ${start.labels.labels.join(', ')}, the teacher ${data.labels.join(', ')}; give a student with the teacher's order, or one without a classifier`,
    )
  const { weights, tokenizer, tokenizerFiles, labels, words } = start
  const notes = labels?.note ? [words, labels.note] : [words]
  return { weights, tokenizer, files: tokenizerFiles, teacher: null, notes }
}

function hiddenOf({ weights, teacher }: StartedStudent, weight: number): TrainOptions['hidden'] {
  if (!teacher) throw new Error('the student has other words than the teacher; hidden states need the same')
  const dense = densifyModel(teacher).model
  return { teacher: dense, layers: uniformLayerMap(weights.layers.length, dense.layers.length), weight }
}

/**
 * As many parts of altered texts as there are copies: each has a seed of its own, so that more copies begin with the same
 * ones, whose logits are on the disk. No altered text is a test text or stands in two parts.
 */
function augmented(teacher: Classifier, texts: string[], copies: number, data: PreparedData, seed: number): string[][] {
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

/** @throws where labels are not the same in the same order: logits are averaged by number */
async function openTeachers(sources: string[]): Promise<Classifier[]> {
  const teachers: Classifier[] = []
  for (const source of sources) teachers.push(await loadClassifier(source))
  const [first, ...others] = teachers.map(({ weights }) => weights.config.labels.join(', '))
  const other = others.findIndex((labels) => labels !== first)
  if (other >= 0)
    throw new Error(
      `${sources[other + 1]} has the labels ${others[other]}, ${sources[0]} ${first}; expected teachers with the same labels in the same order`,
    )
  return teachers
}

/** The mean of the teachers' logits, f32 [texts of all parts, labels]. */
async function meanLogits(
  teachers: Classifier[],
  parts: string[][],
  scale: Scale,
  flags: DistilFlags,
): Promise<Float32Array> {
  const all: Float32Array[] = []
  for (const teacher of teachers) all.push(await readTexts(teacher, parts, scale, flags))
  return all[0].map((_, i) => all.reduce((sum, logits) => sum + logits[i], 0) / all.length)
}

/**
 * The teacher's logits f32 [texts of all parts, labels], of each part from the disk where an earlier call left them.
 */
async function readTexts(
  teacher: Classifier,
  parts: string[][],
  scale: Scale,
  flags: DistilFlags,
): Promise<Float32Array> {
  const read: Float32Array[] = []
  for (const part of parts) read.push(await readPart(teacher, part, scale, flags))
  const logits = new Float32Array(read.reduce((sum, part) => sum + part.length, 0))
  let end = 0
  for (const part of read) {
    logits.set(part, end)
    end += part.length
  }
  return logits
}

async function readPart(teacher: Classifier, texts: string[], scale: Scale, flags: DistilFlags): Promise<Float32Array> {
  const { weights, tokenizer } = teacher
  const sequences = encodeTexts(tokenizer, texts, Math.min(scale.maxPositions, weights.config.maxPositions)).ids
  let isRead = false
  const stop = new AbortController()
  const onInterrupt = (): void => stop.abort()
  process.once('SIGINT', onInterrupt)
  try {
    const logits = await cachedTeacherLogits({
      folder: trainingFolder(flags.out),
      teacher: weights,
      sequences,
      note: reporter.note,
      compute: async () => {
        reporter.stage(`the teacher reads ${texts.length} texts`)
        isRead = true
        const { device } = await openDevice({ device: 'cpu', threads: flags.threads })
        try {
          return await logitsOf(device, weights, sequences, { progress: reporter.progress, signal: stop.signal })
        } finally {
          await device.dispose()
        }
      },
    })
    if (isRead) reporter.done()
    else reporter.note("the teacher's logits are those of an earlier run")
    return logits
  } catch (error) {
    if (stop.signal.aborted)
      throw new Interrupted(
        'stopped while the teacher read the texts; what it has read in whole parts is kept for the next run',
      )
    throw error
  } finally {
    process.removeListener('SIGINT', onInterrupt)
  }
}
