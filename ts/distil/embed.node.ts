// A small student of an embedder: it learns the teacher's vectors of texts. Labels are not looked at.

import { loadEmbedTexts, type EmbedTexts } from '../data/embed-texts.ts'
import { compareVectors, type VectorScores } from '../evaluation/vectors.ts'
import { encodeTexts } from '../inference/batches.ts'
import { openDevice } from '../inference/devices.ts'
import type { Features } from '../inference/embedder.ts'
import { SILENT } from '../inference/reporter.ts'
import { Stopped } from '../inference/stopped.ts'
import { openTokenizer } from '../inference/tokenizer.ts'
import { encodeForVectors, vectorRuleOf, wholeVectors, type VectorRule } from '../inference/whole-vectors.ts'
import { isFolder } from '../io/folder.node.ts'
import { loadModel, type LoadedModel } from '../model/load.ts'
import { encoderSize } from '../model/preset.ts'
import { saveModel } from '../model/save.ts'
import type { ModelWeights } from '../model/weights.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { PEAK_RATE } from '../train/defaults.ts'
import { withoutHead } from '../train/embedder.ts'
import { resumable, trainingFolder } from '../train/resumable.node.ts'
import type { Watch } from '../train/settings.ts'
import { shapeWords } from '../train/starting-model.ts'
import { checkOut, rateOf, tokensOf, trainerOptions } from '../train/train-on-data.node.ts'
import { trainableCopy } from '../train/trainable-copy.ts'
import { trainWithin } from '../train/within-time.ts'
import { withHead } from '../train/zero-head.ts'
import { checkTogether, hiddenOf, planOf, sizeFor } from './plan.ts'
import type { EmbedSettings } from './settings.ts'
import { openShape } from './shape.ts'
import { startStudent } from './student.ts'
import { cachedTeacherRows } from './teacher-rows.node.ts'

/** An embedder that was trained and saved. */
export interface DistilledEmbedder {
  model: ModelWeights
  tokenizer: Tokenizer
  texts: EmbedTexts
  /** of model.safetensors */
  bytes: number
  steps: number
  /** of the training alone */
  seconds: number
  /** its vectors beside the teacher's, on the texts held out */
  scores: VectorScores
}

interface Teacher {
  source: string
  weights: ModelWeights
  tokenizer: Tokenizer
  rule: VectorRule
  loaded: LoadedModel
}

/** A student before its training. */
interface Start {
  weights: ModelWeights
  tokenizer: Tokenizer
  files: Record<string, string>
  beside: Record<string, Uint8Array<ArrayBuffer>>
  /** the teacher with the student's words; null where it has others */
  teacher: ModelWeights | null
  notes: string[]
}

/** Texts that the teacher reads before what it said is put on disk. */
const READ_AT_ONCE = 8192

/** As `distil` of distil.ts with the task embed. */
export async function distilVectors(settings: EmbedSettings, watch: Watch): Promise<DistilledEmbedder> {
  const { teachers, out, seed, threads = 0, epochs, dropout, batch, minutes, hiddenWeight, recipe } = settings
  const { reporter = SILENT, signal } = watch
  if (teachers.length !== 1)
    throw new Error(`distil: ${teachers.length} teachers; vectors are learned of one, since no two have the same space`)
  await checkOut(out)
  const size = (await isFolder(settings.student)) ? null : encoderSize(settings.student)
  checkTogether(settings, size)
  const teacher = await openTeacher(teachers[0])
  const texts = await loadEmbedTexts(settings)
  for (const note of texts.notes) reporter.note(note)
  reporter.note(`${texts.train.length} texts to learn from, ${texts.test.length} held out`)
  const start = size ? await newStudent(teacher, texts.train, settings) : await openStudent(settings.student)
  for (const note of start.notes) reporter.note(note)
  const limit = Math.min(tokensOf(settings), start.weights.config.maxPositions)
  const encoded = encodeTexts(start.tokenizer, texts.train, limit)
  if (encoded.truncated) reporter.note(`${encoded.truncated} texts are longer than ${limit} tokens and lost their end`)
  const shape = await openShape(start.weights, recipe ?? '', encoded.ids, { seed, threads, signal })
  for (const note of shape.notes) reporter.note(note)
  const vectors = await readVectors(teacher, texts.train, settings, watch)
  const { trained, bytes } = await resumable(settings, reporter, async (checkpoints) => {
    reporter.stage(`training ${shapeWords(shape.start)}`)
    const examples = encoded.ids.map((ids) => ({ ids, label: -1 }))
    const plan = {
      ...{ epochs, dropout, batch, seed, threads, seconds: minutes * 60, teacherVectors: vectors.data },
      learningRate: settings.learningRate ?? (size ? rateOf(size) : PEAK_RATE.pretrained),
      ...(shape.maskSchedule && { maskSchedule: shape.maskSchedule }),
      more: {
        ...trainerOptions(settings, start.tokenizer),
        ...(hiddenWeight > 0 && { hidden: hiddenOf(start, hiddenWeight) }),
        ...checkpoints,
      },
    }
    const trained = await trainWithin(shape.start, examples, plan, reporter, signal)
    reporter.done(trained.words)
    const { model, notes } = await shape.finish(trained.model)
    for (const note of notes) reporter.note(note)
    const saved = await saveModel(model, out, { files: start.files, beside: start.beside })
    return { trained: { ...trained, model }, bytes: saved['model.safetensors'] }
  })
  const { model, steps, seconds } = trained
  const student = { ...teacher, source: out, weights: model, tokenizer: start.tokenizer }
  const [expected, found] = [
    await readVectors(teacher, texts.test, settings, watch),
    await vectorsOf(student, encodeTexts(start.tokenizer, texts.test, limit).ids, watch, settings.threads),
  ]
  const scores = compareVectors(expected, found, { seed })
  return { model, tokenizer: start.tokenizer, texts, bytes, steps, seconds, scores }
}

/** @throws where the teacher's vectors are others than means of its last states */
async function openTeacher(source: string): Promise<Teacher> {
  if (source.startsWith('preset:')) throw new Error(`${source} is a shape with random weights; give a trained embedder`)
  const loaded = await loadModel(source)
  const { weights, tokenizerFiles, where } = loaded
  const rule = await vectorRuleOf(loaded)
  const what =
    rule.refused ??
    (rule.pooling !== 'mean'
      ? `it pools by ${rule.pooling}`
      : rule.prompt !== ''
        ? 'it puts a prompt before texts'
        : null)
  if (what !== null)
    throw new Error(`${source}: ${what}; vectors are learned as means over the tokens of the text alone`)
  return { source, weights, tokenizer: await openTokenizer(tokenizerFiles, weights.config, where), rule, loaded }
}

async function newStudent(teacher: Teacher, texts: string[], settings: EmbedSettings): Promise<Start> {
  const { weights, tokenizer, loaded } = teacher
  // a student is made with a head like any other, and loses it again
  const whole = { weights: withHead(weights), tokenizer, fileBytes: loaded.fileBytes }
  const size = sizeFor(encoderSize(settings.student)!, whole, settings)
  const started = await startStudent(whole, texts, planOf(settings, size))
  const { labels } = weights.config
  const student = { ...started.weights, config: { ...started.weights.config, labels } }
  const beside = await loaded.filesBeside(true)
  return { ...started, weights: withoutHead(student), beside: shortened(beside, student.config.maxPositions) }
}

/** sentence_bert_config.json says how much of a text is read: never more than the student has positions. */
function shortened(beside: Start['beside'], positions: number): Start['beside'] {
  return Object.fromEntries(
    Object.entries(beside).map(([name, bytes]) => {
      if (!/^sentence_\w+_config\.json$/.test(name)) return [name, bytes]
      const settings = JSON.parse(new TextDecoder().decode(bytes)) as { max_seq_length?: number | null }
      const most = Math.min(settings.max_seq_length ?? positions, positions)
      return [name, new TextEncoder().encode(`${JSON.stringify({ ...settings, max_seq_length: most }, null, 2)}\n`)]
    }),
  )
}

/** A student that exists, as f32 where it is stored otherwise. */
async function openStudent(source: string): Promise<Start> {
  const loaded = await loadModel(source)
  const { weights, tokenizerFiles: files, where } = loaded
  const { model, notes } = trainableCopy(withoutHead(weights), source)
  const tokenizer = await openTokenizer(files, weights.config, where)
  return { weights: model, tokenizer, files, beside: await loaded.filesBeside(), teacher: null, notes }
}

/** What the teacher says of texts, f32 [texts, C]; on disk what an earlier run has read. */
async function readVectors(
  teacher: Teacher,
  texts: readonly string[],
  settings: EmbedSettings,
  watch: Watch,
): Promise<Features> {
  const { reporter = SILENT, signal } = watch
  const { weights, tokenizer, rule } = teacher
  const C = weights.config.hiddenSize
  const maxPositions = Math.min(tokensOf(settings), weights.config.maxPositions)
  const data = new Float32Array(texts.length * C)
  let isRead = false
  for (let begin = 0; begin < texts.length; begin += READ_AT_ONCE) {
    const part = texts.slice(begin, begin + READ_AT_ONCE)
    const { ids } = encodeForVectors(tokenizer, part, { maxPositions }, rule)
    const compute = async (): Promise<Float32Array> => {
      if (!isRead) reporter.stage(`the teacher reads ${texts.length} texts`)
      isRead = true
      const progress = (done: number): void => reporter.progress(begin + done, texts.length)
      return (await vectorsOf(teacher, ids, { reporter: { ...reporter, progress }, signal }, settings.threads)).data
    }
    try {
      const asked = { folder: trainingFolder(settings.out), teacher: weights, sequences: ids, width: C, compute }
      data.set(await cachedTeacherRows('vectors', { ...asked, note: reporter.note }), begin * C)
    } catch (error) {
      if (!signal?.aborted) throw error
      throw new Stopped('stopped while the teacher read the texts; what it has read is kept for the next run')
    }
  }
  if (isRead) reporter.done()
  return { data, dims: [texts.length, C] }
}

async function vectorsOf(
  { weights, tokenizer, rule }: Pick<Teacher, 'weights' | 'tokenizer' | 'rule'>,
  ids: readonly Int32Array[],
  { reporter = SILENT, signal }: Watch,
  threads: number | undefined,
): Promise<Features> {
  const { device } = await openDevice({ device: 'cpu', threads })
  try {
    return await wholeVectors(device, weights, { ids, tokenizer }, rule, { progress: reporter.progress, signal })
  } finally {
    await device.dispose()
  }
}
