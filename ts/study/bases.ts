// The models that rows are made of: the baseline and its student, trained once, from disk afterwards.

import type { Device } from '../../kernels/runtime/device.ts'
import { buildProgram } from '../model/bert.ts'
import { loadModel } from '../model/load.ts'
import { saveModel } from '../model/save.ts'
import type { ModelWeights } from '../model/weights.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { initializeModel } from '../train/index.ts'
import { tokenizerOf, vocabularyOf } from './classifier.ts'
import { encodeTexts, predict, runLogits } from './evaluate.ts'
import type { LabelOrder } from './labels.ts'
import { applyLabelOrder, filesOf, learnTokenizer, modelConfig, prepareModel, type StudyData } from './prepare.ts'
import type { Reporter } from './reporter.ts'
import type { Scale, StudySettings } from './settings.ts'
import { scorePredictions } from './statistics.ts'
import type { Store } from './store.ts'
import { trainWithin } from './training.ts'
import type { Base } from './variants.ts'

/** Small data is read at most this often. */
const MAX_EPOCHS = 60

export interface BasesContext {
  settings: StudySettings
  scale: Scale
  data: StudyData
  store: Store
  reporter: Reporter
  cpu: Device
  threads: number
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
    const { store, data } = this.context
    let about = this.finished.get(id) ?? (await store.read<TrainedBase>(`base-${id}`, this.key))
    if (!about) {
      about = id === 'baseline' ? await this.trainBaseline() : await this.trainStudent()
      await store.write(`base-${id}`, this.key, about)
    }
    if (about.labels && !this.finished.has(id)) applyLabelOrder(data, about.labels)
    this.finished.set(id, about)
    return about
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
    const { store, data, cpu, signal } = this.context
    const about = await this.trained(id)
    const loaded = await loadModel(store.modelFolder(id))
    const tokenizer = tokenizerOf(loaded)
    const limit = this.maxLength(loaded.weights)
    const encode = (part: StudyData['train']): Int32Array[] =>
      encodeTexts(
        tokenizer,
        part.map(({ text }) => text),
        limit,
      ).ids
    const ids = encode(data.train)
    const validationIds = encode(data.validation)
    const expected = data.validation.map(({ label }) => label)
    return {
      id,
      model: loaded.weights,
      tokenizerFiles: loaded.tokenizerFiles,
      examples: data.train.map(({ label }, i) => ({ ids: ids[i], label })),
      vocabulary: vocabularyOf(tokenizer),
      seenIds: new Set(ids.flatMap((sequence) => [...sequence])),
      sampleTexts: data.validation.map(({ text }) => text),
      words: about.words,
      seconds: about.seconds,
      isTrained: about.isTrained,
      validate: async (model) => {
        const session = await cpu.load(buildProgram(model, 'logits'))
        try {
          const logits = await runLogits(session, validationIds, data.labels.length, { signal })
          return scorePredictions(expected, predict(logits, data.labels.length), data.labels.length).f1
        } finally {
          session.dispose()
        }
      },
    }
  }

  private maxLength(model: ModelWeights): number {
    return Math.min(model.config.maxPositions, this.context.scale.maxPositions)
  }

  private async trainBaseline(): Promise<TrainedBase> {
    const { settings, scale, data, reporter, store } = this.context
    reporter.stage('baseline: tokenizer and model')
    const start = await prepareModel(settings, scale, data)
    reporter.done(start.shape)
    let model = start.weights
    let words = start.words
    let seconds = 0
    if (start.training !== 'none') {
      const fromScratch = start.training === 'scratch'
      const trained = await this.train('baseline: training', model, start.tokenizer, {
        epochs: scale.epochs.baseline,
        seconds: scale.seconds.baseline,
        learningRate: fromScratch ? scale.learningRate.scratch : scale.learningRate.pretrained,
      })
      model = trained.model
      words = `${words}, ${trained.words}`
      seconds = trained.seconds
    }
    await store.writeModel('baseline', async (folder) => {
      await saveModel(model, folder, { files: start.tokenizerFiles })
    })
    return {
      words,
      seconds,
      labels: start.labels,
      shape: start.shape,
      isTrained: start.training !== 'none' || !settings.model.startsWith('preset:'),
    }
  }

  /** A small model of its own, with a vocabulary of its own, trained on the labels. */
  private async trainStudent(): Promise<TrainedBase> {
    const { settings, scale, data, store, reporter } = this.context
    reporter.stage('student: tokenizer and model')
    // a baseline that came prepared prepares for its student too
    const { config: ofBaseline } = (await this.base('baseline')).model
    const preparation = settings.preparation ?? ofBaseline.preparation ?? null
    const tokenizer = learnTokenizer(data.train, scale.studentVocabulary, preparation)
    const config = modelConfig(scale.student, tokenizer, data.labels, scale.maxPositions, preparation)
    reporter.done(`vocabulary of ${tokenizer.vocabSize}`)
    const trained = await this.train('student: training', initializeModel(config, settings.seed), tokenizer, {
      epochs: scale.epochs.student,
      seconds: scale.seconds.student,
      learningRate: scale.learningRate.scratch,
    })
    await store.writeModel('student', async (folder) => {
      await saveModel(trained.model, folder, { files: filesOf(tokenizer) })
    })
    return {
      words: `trained on the labels, ${trained.words}`,
      seconds: trained.seconds,
      labels: null,
      shape: '',
      isTrained: true,
    }
  }

  private async train(
    stage: string,
    model: ModelWeights,
    tokenizer: Tokenizer,
    plan: { epochs: number; seconds: number; learningRate: number },
  ) {
    const { data, scale, settings, threads, reporter, signal } = this.context
    reporter.stage(stage)
    const { ids } = encodeTexts(
      tokenizer,
      data.train.map(({ text }) => text),
      this.maxLength(model),
    )
    const examples = data.train.map(({ label }, i) => ({ ids: ids[i], label }))
    const epochs = Math.min(MAX_EPOCHS, Math.max(plan.epochs, (scale.leastSteps * scale.batch) / examples.length))
    const all = { ...plan, epochs, batch: scale.batch, seed: settings.seed, threads }
    const trained = await trainWithin(model, examples, all, reporter, signal)
    reporter.done(trained.words)
    return trained
  }
}
