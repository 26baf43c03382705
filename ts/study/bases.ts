// The models that rows are made of: the baseline and its student, trained once, from disk afterwards.

import type { Device } from '../../kernels/program/device.ts'
import type { Calibration } from '../compress/calibration.ts'
import { isFolder } from '../io/folder.node.ts'
import type { PoolingRule } from '../inference/pooling.ts'
import { loadModel, type LoadedModel } from '../model/load.ts'
import { encoderSize } from '../model/preset.ts'
import { saveModel } from '../model/save.ts'
import type { ModelWeights } from '../model/weights.ts'
import { calibrate } from '../train/calibrate.ts'
import { cropOf, FROM_SCRATCH, LINEAR_TEACHER } from '../train/defaults.ts'
import { LINEAR_START_WORDS, startLinearly } from '../train/linear-start.ts'
import { LINEAR_TEACHER_WORDS, linearTeacherLogits } from '../train/linear-teacher.ts'
import { piecePairs } from '../train/pieces.ts'
import type { TrainOptions } from '../train/options.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { loadClassifier } from '../inference/classifier.ts'
import { openTokenizer } from '../inference/tokenizer.ts'
import { vocabularyOf } from '../text/tokenizer-files.ts'
import { densifyModel } from '../compress/densify.ts'
import { encodeTexts } from '../inference/batches.ts'
import { predict, logitsOf } from '../inference/logits.ts'
import type { LabelOrder } from '../data/labels.ts'
import { applyLabelOrder } from '../data/labels.ts'
import { prepareModel, shapeWords } from '../train/starting-model.ts'
import type { LabelledText } from '../data/examples.ts'
import type { PreparedData } from '../data/prepare.ts'
import type { Reporter } from '../inference/reporter.ts'
import type { StudySettings } from '../report/results.ts'
import type { StudyClock } from './clock.ts'
import type { Scale } from './settings.ts'
import { shiftDecision, type ShiftedDecision } from '../evaluation/threshold.ts'
import { balanceExamples } from '../data/examples.ts'
import { scorePredictions } from '../evaluation/statistics.ts'
import type { Store } from './store.ts'
import { startStudent } from '../distil/student.ts'
import { cachedTeacherLogits } from '../distil/teacher-rows.node.ts'
import { trainWithin, type Example, type Trained, type TrainingPlan } from '../train/within-time.ts'

/** Training texts that calibration reads: some hundred tell what enters a layer. */
const CALIBRATION_TEXTS = 512
/** Share of the labels in what a student learns from; the rest is the teacher's. */
const STUDENT_ALPHA = 0.3
/** Small models forget rather than learn by heart. */
const STUDENT_DROPOUT = 0.05
/** Passes that may be no better than the best on the validation texts before the baseline's training ends. */
const PATIENCE = 3
/** Small data is read at most this often. */
const MAX_EPOCHS = 60

/** A trained model to make rows of, with all that its rows need. */
export interface Base {
  id: 'baseline' | 'student'
  model: ModelWeights
  tokenizerFiles: Record<string, string>
  /** training examples in this base's own tokens; after those of the data the ones without a label, which is -1 */
  examples: Example[]
  /** tokens by id */
  vocabulary: string[]
  /** ids that the texts of the training use, those without a label too: what the step `vocab` keeps */
  seenIds: Set<number>
  /** texts outside training, on which that step counts unknown words */
  sampleTexts: string[]
  /** how it was trained, for its row's note */
  words: string
  /** that its training took */
  seconds: number
  /** decides whether the base's rows can be trained again */
  isTrained: boolean
  /** the deciding measure on the validation texts, of any model with this base's tokenizer */
  validate: (model: ModelWeights) => Promise<number>
  /**
   * what the baseline says of each example, f32 [examples, labels]: the teacher of every training after the first; null
   * where its weights are random
   */
  teacherLogits: () => Promise<Float32Array | null>
  /** what some hundred training texts send into each linear layer of this base, or of a model made from it */
  calibration: (model: ModelWeights) => Promise<Calibration>
  /** of a model without a classifier */
  vectors?: BaseVectors
}

/** What rows of an embedder need beside the rest. */
export interface BaseVectors {
  rule: PoolingRule
  /** of each example, f32 [examples, C]: the teacher; null where rows are not trained again */
  teacher: () => Promise<Float32Array | null>
  /** what `validate` gives, in words */
  measure: string
  /** as of `LoadedModel` */
  filesBeside: LoadedModel['filesBeside']
}

export interface BasesContext {
  settings: StudySettings
  scale: Scale
  data: PreparedData
  store: Store
  /** with a piece for each base */
  clock: StudyClock
  reporter: Reporter
  cpu: Device
  threads: number
  /** class that F1 is of, by the data's own order of labels */
  positive: number | null
  signal?: AbortSignal
}

/** What is kept of a trained base beside its folder. */
export interface TrainedBase {
  /** how it was trained */
  words: string
  /** that its training took */
  seconds: number
  labels: LabelOrder | null
  /** layers, widths, vocabulary */
  shape: string
  /** false for a preset's random weights */
  isTrained: boolean
}

export class Bases {
  private readonly context: BasesContext
  private readonly key: string
  private readonly known = new Map<Base['id'], Promise<Base>>()
  private readonly finished = new Map<Base['id'], TrainedBase>()

  /** @param key of everything that decides what is trained */
  constructor(context: BasesContext, key: string) {
    this.context = context
    this.key = key
  }

  /** What is known of a trained base; trains it where that is not on disk. */
  async trained(id: Base['id']): Promise<TrainedBase> {
    const { store, data, clock } = this.context
    let about = this.finished.get(id) ?? (await store.read<TrainedBase>(`base-${id}`, this.key))
    if (!about) {
      about = id === 'baseline' ? await this.trainBaseline() : await this.trainStudent()
      await store.write(`base-${id}`, this.key, about)
      clock.done(id)
    } else clock.done(id, true)
    if (about.labels && !this.finished.has(id)) applyLabelOrder(data, about.labels)
    this.finished.set(id, about)
    return about
  }

  /** Class that F1 is of, by the order of labels that the baseline has brought. */
  async positive(): Promise<number | null> {
    const { positive } = this.context
    const { labels } = await this.trained('baseline')
    return positive !== null && labels ? labels.order[positive] : positive
  }

  /** The base with all that its rows need; opened once. */
  base(id: Base['id']): Promise<Base> {
    let base = this.known.get(id)
    if (!base) {
      base = this.open(id)
      this.known.set(id, base)
    }
    return base
  }

  private async open(id: Base['id']): Promise<Base> {
    const { store, data, threads, signal } = this.context
    const about = await this.trained(id)
    const loaded = await loadModel(await store.checkedModel(id))
    const tokenizer = await openTokenizer(loaded.tokenizerFiles, loaded.weights.config, loaded.where)
    const limit = this.maxLength(loaded.weights)
    const ids = encodeTexts(tokenizer, taughtTexts(data), limit).ids
    const validationIds = encodeTexts(tokenizer, textsOf(data.validation), limit).ids
    const expected = data.validation.map(({ label }) => label)
    const positive = await this.positive()
    const calibrationOf = (model: ModelWeights): Promise<Calibration> =>
      calibrate(densifyModel(model, { keepsChains: true }).model, ids.slice(0, CALIBRATION_TEXTS), {
        signal,
        ...(threads && { threads }),
      })
    const ofBase = once(() => calibrationOf(loaded.weights))
    return {
      id,
      model: loaded.weights,
      tokenizerFiles: loaded.tokenizerFiles,
      examples: taughtExamples(data, ids),
      vocabulary: vocabularyOf(tokenizer),
      seenIds: new Set(ids.flatMap((sequence) => [...sequence])),
      sampleTexts: textsOf(data.validation),
      words: about.words,
      seconds: about.seconds,
      isTrained: about.isTrained,
      validate: async (model) => {
        const classes = data.labels.length
        const said = predict(await this.logitsOf(model, validationIds), classes)
        return scorePredictions(expected, said, classes, positive)[this.context.settings.metric]
      },
      teacherLogits: () => this.teacherLogits(),
      calibration: (model) => (model === loaded.weights ? ofBase() : calibrationOf(model)),
    }
  }

  /** What the baseline says of the texts it teaches; read from disk where it was said before. Random weights say nothing. */
  private teacherLogits = once(async (): Promise<Float32Array | null> => {
    const { store, reporter } = this.context
    const { model, examples, isTrained } = await this.base('baseline')
    if (!isTrained) return null
    const sequences = examples.map(({ ids }) => ids)
    return cachedTeacherLogits({
      folder: store.folder,
      teacher: model,
      sequences,
      note: (text) => reporter.note(text),
      compute: () => this.logitsOf(model, sequences, reporter.progress),
    })
  })

  /** f32 [sequences, labels], by the CPU device. */
  private async logitsOf(
    model: ModelWeights,
    sequences: Int32Array[],
    progress?: Reporter['progress'],
  ): Promise<Float32Array> {
    const { cpu, signal } = this.context
    return logitsOf(cpu, model, sequences, { signal, progress })
  }

  private maxLength(model: ModelWeights): number {
    return Math.min(model.config.maxPositions, this.context.scale.maxPositions)
  }

  private async trainBaseline(): Promise<TrainedBase> {
    const { settings, scale, data, reporter, store, signal } = this.context
    reporter.stage('baseline: tokenizer and model')
    const start = await prepareModel(settings, scale, data)
    const isTrained = start.training !== 'none' || !settings.model.startsWith('preset:')
    if (!isTrained && settings.unlabelled !== null)
      throw new Error(
        `${settings.unlabelled}: ${settings.model} has random weights and can say nothing of texts without a label; leave them out`,
      )
    reporter.done(start.shape)
    let model = start.weights
    let words = [start.words, ...start.notes].join('; ')
    let seconds = 0
    if (start.training !== 'none') {
      const fromScratch = start.training === 'scratch'
      const { ids } = encodeTexts(start.tokenizer, textsOf(data.train), this.maxLength(model))
      const taught = fromScratch && settings.teacher === 'linear'
      const logits = taught ? await linearTeacherLogits(data, { seed: settings.seed, reporter, signal }) : null
      const C = data.labels.length
      const examples = data.train.map(({ label }, i) => ({
        ...{ ids: ids[i], label },
        ...(logits && { said: logits.subarray(i * C, (i + 1) * C) }),
      }))
      const read = settings.balance ? balanceExamples(examples, settings.seed) : examples
      const pieceDropout = fromScratch
        ? { rate: FROM_SCRATCH.pieceDropout, pairs: piecePairs(vocabularyOf(start.tokenizer)) }
        : null
      if (taught) model = startLinearly(model, examples, { seed: settings.seed, pieceDropout })
      const trained = await this.train('baseline', model, read, {
        epochs: scale.epochs.baseline,
        learningRate: fromScratch ? scale.learningRate.scratch : scale.learningRate.pretrained,
        ...(taught && { teacherLogits: read.map(({ said }) => said!), alpha: LINEAR_TEACHER.alpha }),
        more: {
          ...this.earlyStopping(start.tokenizer, model),
          ...(pieceDropout && { pieceDropout, crop: cropOf(FROM_SCRATCH.crop, scale.maxPositions) }),
        },
      })
      model = trained.model
      words = [words, ...(taught ? [LINEAR_START_WORDS, LINEAR_TEACHER_WORDS] : []), trained.words].join(', ')
      seconds = trained.seconds
      if (settings.threshold) {
        const shifted = await this.shiftDecision(model, start.tokenizer)
        model = shifted.model
        words = `${words}; ${shifted.words}`
      }
    }
    await store.writeModel('baseline', async (folder) => {
      await saveModel(model, folder, { files: start.tokenizerFiles })
    })
    return { words, seconds, labels: start.labels, shape: start.shape, isTrained }
  }

  /** Scores on the validation texts after every pass, and keeps the best weights. */
  private earlyStopping(tokenizer: Tokenizer, model: ModelWeights): Partial<TrainOptions> {
    const { validation } = this.context.data
    const { ids } = encodeTexts(tokenizer, textsOf(validation), this.maxLength(model))
    return {
      validation: ids.map((of, i) => ({ ids: of, label: validation[i].label })),
      keep: 'best',
      patience: PATIENCE,
    }
  }

  /** The same model with the classifier's bias where its decisions are best on the validation texts. */
  private async shiftDecision(model: ModelWeights, tokenizer: Tokenizer): Promise<ShiftedDecision> {
    const { data, settings, positive } = this.context
    const { ids } = encodeTexts(tokenizer, textsOf(data.validation), this.maxLength(model))
    return shiftDecision(model, await this.logitsOf(model, ids), data.validation, { metric: settings.metric, positive })
  }

  /** A model that was trained before, as it is. */
  private async takeStudent(folder: string): Promise<TrainedBase> {
    const { data, store } = this.context
    const { weights, tokenizerFiles } = await loadModel(folder)
    const { labels, recipe } = weights.config
    if (recipe !== '' || labels.join() !== data.labels.join())
      throw new Error(
        `student ${folder}: expected an uncompressed classifier with the labels ${data.labels.join(', ')}, found ${recipe || 'no recipe'} and ${labels.join(', ')}`,
      )
    await store.writeModel('student', async (into) => {
      await saveModel(weights, into, { files: tokenizerFiles })
    })
    return { words: `${shapeWords(weights)}, trained before`, seconds: 0, labels: null, shape: '', isTrained: true }
  }

  /** A small model with a new vocabulary, begun from the baseline's tables and taught by it. */
  private async trainStudent(): Promise<TrainedBase> {
    const { settings, scale, data, store, reporter } = this.context
    const { student } = settings
    if (student !== null && (await isFolder(student))) return this.takeStudent(student)
    const size = student === null ? scale.student : encoderSize(student)!
    reporter.stage('student: tokenizer and model')
    const teacherLogits = await this.teacherLogits()
    const baseline = await loadClassifier(await store.checkedModel('baseline'))
    const texts = taughtTexts(data)
    const start = await startStudent(baseline, texts, {
      size,
      // a wider student has nothing to start from
      init: size.hiddenSize > baseline.weights.config.hiddenSize ? 'fresh' : 'teacher',
      vocabulary: scale.studentVocabulary,
      maxPositions: scale.maxPositions,
      preparation: settings.preparation,
      seed: settings.seed,
    })
    reporter.done(`vocabulary of ${start.tokenizer.vocabSize}; ${start.notes.join('; ')}`)
    const { ids } = encodeTexts(start.tokenizer, texts, this.maxLength(start.weights))
    const trained = await this.train('student', start.weights, taughtExamples(data, ids), {
      epochs: scale.epochs.student,
      learningRate: scale.learningRate.student,
      dropout: STUDENT_DROPOUT,
      ...(teacherLogits && { teacherLogits, alpha: STUDENT_ALPHA }),
    })
    await store.writeModel('student', async (folder) => {
      await saveModel(trained.model, folder, { files: start.files })
    })
    const teaching = teacherLogits
      ? `distilled from the baseline (${STUDENT_ALPHA} cross-entropy, ${1 - STUDENT_ALPHA} T^2 KL at T = 2)`
      : 'trained on the labels: the baseline has random weights'
    return {
      words: [...start.notes, `${teaching}, ${trained.words}`].join('; '),
      seconds: trained.seconds,
      labels: null,
      shape: '',
      isTrained: true,
    }
  }

  private async train(
    id: Base['id'],
    model: ModelWeights,
    examples: Example[],
    plan: Omit<TrainingPlan, 'batch' | 'seconds' | 'seed' | 'threads'>,
  ): Promise<Trained> {
    const { scale, settings, threads, reporter, clock, signal } = this.context
    reporter.stage(`${id}: training`)
    const batch = Math.min(scale.batch, examples.length)
    const epochs = Math.min(MAX_EPOCHS, Math.max(plan.epochs, (scale.leastSteps * batch) / examples.length))
    const all = { ...plan, seconds: clock.grant(id), epochs, batch, seed: settings.seed, threads }
    const began = clock.elapsed()
    const trained = await trainWithin(model, examples, all, reporter, signal)
    clock.spend(clock.elapsed() - began)
    reporter.done(trained.words)
    return trained
  }
}

const textsOf = (rows: LabelledText[]): string[] => rows.map(({ text }) => text)

/** The training texts, then those without a label. */
const taughtTexts = ({ train, unlabelled }: PreparedData): string[] => [...textsOf(train), ...unlabelled]

const taughtExamples = ({ train }: PreparedData, ids: Int32Array[]): Example[] =>
  ids.map((of, i) => ({ ids: of, label: train[i]?.label ?? -1 }))

/** Makes something once, when it is first asked for. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null
  return () => (made ??= make())
}
