// Training a classifier: batches, schedule, progress. The step itself is kernels/train.

import { lossOf, type TrainBatch } from '../../kernels/train/batch.ts'
import type { TrainShape } from '../../kernels/train/layout.ts'
import { TrainSession, type AdamW, type Parameters } from '../../kernels/train/session.ts'
import type { ModelWeights } from '../model/weights.ts'
import { checkState, checkStateShape, type StateBounds } from './check-state.ts'
import { checkPadding, linkOf } from './trainable.ts'
import {
  checkTeacher,
  checkVectors,
  goalOf,
  joinExamples,
  nextBatch,
  shuffled,
  stepsOf,
  type Outputs,
} from './batches.ts'
import { modelOf, parametersOf, placeMasks, shapeOfModel } from './convert.ts'
import { HiddenTeacher, initializeProjections, matchesOf } from './hidden.ts'
import {
  checkExamples,
  settle,
  type Settings,
  type TrainExample,
  type TrainOptions,
  type TrainResult,
} from './options.ts'
import { readExamples } from './readings.ts'
import { scoreValidation } from './validation.ts'
import { maskStageAt, maskStages, scheduleAt } from './schedule.ts'
import { checkResumed, runKey } from './run-key.ts'
import type { TrainState } from './state.ts'

const BETA1 = 0.9
/**
 * Runs here are short, some hundred to some thousand steps: a memory of 50 steps follows the gradients where one of 1000
 * still holds those of the warm-up. Built-in reviews, 5 epochs, C = 128, L = 2, rate 1e-3: accuracy 0.92 against 0.91 with
 * 0.999 and 1e-8, and ahead after every epoch.
 */
const BETA2 = 0.98
const EPSILON = 1e-6
/** Share that a new step has in the loss that progress shows. */
const LOSS_SHARE = 0.05
/** The event loop gets its turn at least this often: signals, timers and a page's own work depend on it. */
const BREATH_MS = 30

/** Seconds between two checkpoints where neither steps nor seconds are given. */
const CHECKPOINT_SECONDS = 60

/**
 * Trains a copy of a classifier: cross-entropy and what a teacher says (softmax, logits, hidden states), AdamW, linear
 * warm-up and decay, clipping. Where the model's problem type is multi_label_classification it is binary cross-entropy of each
 * label, with regression the squared difference. The same seed gives the same bits on any number of threads. Moments and decay of
 * word embeddings are lazy: a word's row changes only in steps whose batch has the word. A model without a classifier learns a
 * teacher's vectors instead: `trainEmbedder`.
 *
 * A run that `checkpoint` saved goes on with `resume` as if it had not been interrupted.
 *
 * @param model f32 with pooler and classifier; linear layers of the encoder may be chains of f32 factors, and factors that are
 *   one array are trained as one, and are one again in the result
 * @param examples token ids with their label or their targets
 * @returns the trained model, the loss of each step, and how long it took
 * @throws where model, examples or options do not fit each other, or the loss stops being a number
 * @example
 * const { model } = await trainClassifier(initializeModel(config, 1), examples, { epochs: 3, learningRate: 1e-3 })
 */
export async function trainClassifier(
  model: ModelWeights,
  examples: TrainExample[],
  options: TrainOptions = {},
): Promise<TrainResult> {
  const settings = settle(options)
  const shape = shapeOfModel(model)
  const outputs = outputsOf(model, shape.labels, examples, settings)
  const { link } = outputs
  if (link === 'identity' && settings.labelSmoothing > 0)
    throw new Error(
      `train: labelSmoothing = ${settings.labelSmoothing}, but the model's outputs are numbers; leave it out`,
    )
  const hasTeacher = Boolean(settings.teacherLogits ?? settings.hidden)
  checkExamples(examples, shape, link, 'training', hasTeacher)
  for (const part of [examples, settings.validation ?? []])
    checkPadding(
      model.config,
      part.map(({ ids }) => ids),
    )
  if (settings.validation) checkExamples(settings.validation, shape, link, 'validation')
  if (settings.crop && examples.some(({ types }) => types))
    throw new Error('train: crop reads parts of single texts, and the examples are pairs; leave it out')
  if (link !== null) checkTeacher(settings.teacherLogits, examples.length, shape.labels)
  const { checkpoint, resume } = settings
  const key = checkpoint || resume ? runKey(model, examples, settings) : {}
  if (resume) {
    checkStateShape(resume)
    checkResumed(resume.key, key)
  }
  const { threads, hidden, fakeQuantize, seed } = settings
  const trained: TrainShape = {
    ...shape,
    ...(hidden && { matches: matchesOf(shape, hidden) }),
    ...(link === null && { vectors: { width: outputs.width, isProjected: outputs.width !== shape.hidden } }),
  }
  const session = await TrainSession.create(trained, {
    ...(threads && { threads }),
    ...(fakeQuantize && { fakeQuantize }),
  })
  let teacher: HiddenTeacher | null = null
  try {
    if (hidden) teacher = await HiddenTeacher.create(hidden, threads)
    const start = parametersOf(model, session.layout)
    initializeProjections(session.layout, start.rest, seed)
    session.setParameters(start)
    if (resume) checkState(resume, boundsOf(start, examples, settings), settings)
    const { parameters, ...result } = await new Loop(session, teacher, outputs, model, examples, settings, key).run()
    return { model: modelOf(model, session.layout, parameters), ...result }
  } finally {
    await teacher?.dispose()
    await session.dispose()
  }
}

/** @throws where a classifier has a teacher's vectors, or a model without one has none, or they do not fit */
function outputsOf({ config }: ModelWeights, labels: number, examples: TrainExample[], settings: Settings): Outputs {
  const { teacherVectors, validationVectors, validation, teacherLogits } = settings
  if (labels > 0) {
    if (teacherVectors ?? validationVectors)
      throw new Error('train: teacherVectors are for a model without a classifier; take it off, or give teacherLogits')
    return { labels, link: linkOf(config), width: 0 }
  }
  if (!teacherVectors)
    throw new Error(
      'train: the model has no classifier; give it one (initializeModel makes it), or train its vectors: teacherVectors',
    )
  if (teacherLogits) throw new Error('train: teacherLogits are for a classifier; the model has none')
  const width = checkVectors('teacherVectors', teacherVectors, examples.length)
  if (Boolean(validation?.length) !== Boolean(validationVectors))
    throw new Error('train: validation examples and validationVectors go together; give both, or neither')
  if (validation && validationVectors) {
    const other = checkVectors('validationVectors', validationVectors, validation.length)
    if (other !== width) throw new Error(`train: validationVectors have ${other} numbers each, teacherVectors ${width}`)
  }
  return { labels: 0, link: null, width }
}

const lastMasksOf = ({ maskSchedule }: Settings, steps: number): number =>
  maskSchedule ? maskStages(maskSchedule, steps) : -1

/** What a state of this run can be. */
function boundsOf({ words, rest }: Parameters, examples: TrainExample[], settings: Settings): StateBounds {
  const steps = settings.steps ?? stepsOf(examples, settings)
  const lastMasks = lastMasksOf(settings, steps)
  return { words: words.length, rest: rest.length, steps, examples: examples.length, lastMasks }
}

/** The loss is no number any more. */
export class Diverged extends Error {}

class Loop {
  #session: TrainSession
  #model: ModelWeights
  /** of the goals */
  #outputs: Outputs
  #examples: TrainExample[]
  #settings: Settings
  #teacher: HiddenTeacher | null
  #steps: number
  /** number of the schedule's last masks; -1 where there is no schedule */
  #lastMasks: number
  /** all but the session's, which is read when it is saved */
  #state: Omit<TrainState, 'session'>
  #begin = 0
  #lastBreath = 0
  #savedAt = 0

  constructor(
    session: TrainSession,
    teacher: HiddenTeacher | null,
    outputs: Outputs,
    model: ModelWeights,
    examples: TrainExample[],
    settings: Settings,
    key: Record<string, string>,
  ) {
    this.#teacher = teacher
    this.#session = session
    this.#model = model
    this.#outputs = outputs
    this.#examples = examples
    this.#settings = settings
    this.#steps = settings.steps ?? stepsOf(examples, settings)
    this.#lastMasks = lastMasksOf(settings, this.#steps)
    this.#state = {
      key,
      step: 0,
      seen: 0,
      seconds: 0,
      isClocked: settings.maxSeconds !== undefined,
      losses: [],
      shownLoss: 0,
      validation: [],
      scoredAt: -1,
      isScoreDue: false,
      sinceBest: 0,
      best: null,
      masks: null,
      maskStage: -1,
    }
    if (settings.resume) {
      const { session: held, ...state } = settings.resume
      session.restore(held)
      this.#state = { ...state, losses: [...state.losses], validation: [...state.validation] }
    }
    this.#setMasks()
  }

  async run(): Promise<Omit<TrainResult, 'model'> & { parameters: Parameters }> {
    const { seed, maxSeconds = Infinity, accumulate, warmup, cycles, floor, signal } = this.#settings
    const [state, steps, examples] = [this.#state, this.#steps, this.#examples]
    const stream = shuffled(examples.length, seed)
    for (let i = 0; i < state.seen; i++) stream.next()
    this.#lastBreath = this.#savedAt = performance.now()
    this.#begin = this.#lastBreath - state.seconds * 1000
    let isSpent = false
    while (state.step < steps && !this.#isPatienceOver()) {
      if (state.isScoreDue) await this.#score()
      if (signal?.aborted || this.#isPatienceOver()) break
      const elapsed = this.#seconds()
      if ((isSpent = elapsed >= maxSeconds)) break
      await this.#refreshMasks(Math.max(state.step / steps, elapsed / maxSeconds))
      const done = Math.max((state.step + 0.5) / steps, elapsed / maxSeconds)
      const learningRate = this.#settings.learningRate * scheduleAt(done, warmup, cycles, floor)
      const chosen = Array.from({ length: accumulate }, () => nextBatch(stream, examples, this.#settings))
      await this.#step(chosen, learningRate)
      this.#count(chosen.flat().length)
      this.#report(learningRate)
      await this.#breathe()
      if (this.#isCheckpointDue()) await this.#save()
    }
    if (!signal?.aborted) {
      // where the clock ended it before the schedule did, or the schedule ends with the last step
      await this.#refreshMasks(1)
      await this.#score()
    }
    if (signal?.aborted) await this.#save()
    const best = state.best?.parameters ? state.best : null
    return {
      parameters: best?.parameters ?? this.#session.parameters(),
      losses: state.losses,
      steps: state.step,
      seconds: this.#seconds(),
      validation: state.validation,
      kept: best ? best.step : state.step,
      ended: signal?.aborted ? 'signal' : isSpent ? 'clock' : state.step < steps ? 'patience' : 'steps',
    }
  }

  #seconds(): number {
    return (performance.now() - this.#begin) / 1000
  }

  #isPatienceOver(): boolean {
    return this.#state.sinceBest >= (this.#settings.patience ?? Infinity)
  }

  /** One update from one batch or several. */
  async #step(chosen: number[][], learningRate: number): Promise<void> {
    const { weightDecay, clipNorm } = this.#settings
    const adam: AdamW = { learningRate, beta1: BETA1, beta2: BETA2, epsilon: EPSILON, weightDecay, clipNorm }
    const sequences = chosen.reduce((sum, { length }) => sum + length, 0)
    let [loss, norm] = [0, NaN]
    for (const [part, indices] of chosen.entries()) {
      const found = await this.#pass(indices, this.#state.step * chosen.length + part, {
        adam: chosen.length === 1 ? adam : null,
        share: indices.length / sequences,
      })
      loss += found.loss
      norm = found.norm
    }
    if (chosen.length > 1) norm = await this.#session.update(adam)
    const { step } = this.#state
    if (!Number.isFinite(loss) || !Number.isFinite(norm))
      throw new Diverged(
        `train: step ${step + 1} gave loss ${loss} and gradient norm ${norm}; lower the learning rate (${this.#settings.learningRate})`,
      )
    this.#state.losses.push(loss)
    const { shownLoss } = this.#state
    this.#state.shownLoss = step === 0 ? loss : shownLoss + (loss - shownLoss) * Math.max(LOSS_SHARE, 1 / (step + 1))
  }

  /** Forward and backward of one batch; updates where `adam` is given, else holds `share` of the gradients. */
  async #pass(
    chosen: number[],
    number: number,
    { adam, share }: { adam: AdamW | null; share: number },
  ): Promise<{ loss: number; norm: number }> {
    const { dropout: rate, seed } = this.#settings
    const { labels } = this.#outputs
    const goal = goalOf(this.#examples, chosen, this.#outputs, this.#settings)
    const dropout = rate > 0 ? { rate, seed: Math.imul(seed, 0x01000193) + number } : null
    const batch = this.#batch(chosen, number)
    if (this.#teacher) goal.states = await this.#teacher.states(batch)
    if (!adam) {
      const { logits, stateLoss } = await this.#session.accumulate(batch, goal, dropout, share)
      return { loss: share * (lossOf(logits, labels, goal) + stateLoss), norm: NaN }
    }
    const { logits, norm, stateLoss } = await this.#session.step(batch, goal, dropout, adam)
    return { loss: lossOf(logits, labels, goal) + stateLoss, norm }
  }

  /** The chosen examples side by side, read in part and in other pieces where that is asked for. */
  #batch(chosen: number[], number: number): TrainBatch {
    const { positions } = this.#session.layout.shape
    const examples = chosen.map((i) => this.#examples[i])
    const read = readExamples(examples, this.#settings, number, positions)
    return joinExamples(read, [...read.keys()])
  }

  /** A step is done, with so many examples. */
  #count(examples: number): void {
    const state = this.#state
    const epoch = Math.floor(state.seen / this.#examples.length)
    state.step++
    state.seen += examples
    const isEpochOver = Math.floor(state.seen / this.#examples.length) > epoch
    state.isScoreDue ||= isEpochOver || state.step % (this.#settings.validateEvery ?? Infinity) === 0
  }

  #report(learningRate: number): void {
    const elapsed = this.#seconds()
    const { maxSeconds = Infinity, progress } = this.#settings
    const { step, shownLoss } = this.#state
    const secondsLeft = Math.max(0, Math.min((elapsed / step) * (this.#steps - step), maxSeconds - elapsed))
    progress?.({ step, steps: this.#steps, loss: shownLoss, secondsLeft, learningRate })
  }

  async #breathe(): Promise<void> {
    if (performance.now() - this.#lastBreath < BREATH_MS) return
    await new Promise((resolve) => setTimeout(resolve, 0))
    this.#lastBreath = performance.now()
  }

  /** Puts the masks given and those of the schedule in force. */
  #setMasks(): void {
    const masks = { ...this.#settings.masks, ...this.#state.masks }
    this.#session.setMasks(placeMasks(this.#model, this.#session.layout, masks))
  }

  /** Makes the masks that are due after `done` (0 to 1) of the training. */
  async #refreshMasks(done: number): Promise<void> {
    const { maskSchedule } = this.#settings
    if (!maskSchedule) return
    const stage = maskStageAt(maskSchedule, this.#lastMasks, done)
    if (stage <= this.#state.maskStage) return
    const parameters = this.#session.parameters()
    const model = modelOf(this.#model, this.#session.layout, parameters)
    const saliency = (): ModelWeights =>
      modelOf(this.#model, this.#session.layout, { words: parameters.words, rest: this.#session.saliency() })
    this.#state.masks = await maskSchedule.masks(stage / this.#lastMasks, model, saliency)
    this.#state.maskStage = stage
    this.#setMasks()
    // a score from before is of other weights
    this.#state.scoredAt = -1
  }

  #isCheckpointDue(): boolean {
    const { checkpoint } = this.#settings
    if (!checkpoint || this.#state.step >= this.#steps) return false
    const { steps, seconds = steps ? Infinity : CHECKPOINT_SECONDS } = checkpoint
    return this.#state.step % (steps ?? Infinity) === 0 || performance.now() - this.#savedAt >= seconds * 1000
  }

  async #save(): Promise<void> {
    const state = this.#state
    await this.#settings.checkpoint?.save({
      ...state,
      seconds: this.#seconds(),
      losses: [...state.losses],
      validation: [...state.validation],
      session: this.#session.state(),
    })
    this.#savedAt = performance.now()
  }

  /** Scores the validation examples unless this step is scored already. */
  async #score(): Promise<void> {
    const { validation, keep } = this.#settings
    const state = this.#state
    const { step } = state
    if (!validation?.length || state.scoredAt === step) {
      state.isScoreDue = false
      return
    }
    const breathe = (): Promise<void> => this.#breathe()
    const found = await scoreValidation(this.#session, validation, this.#settings, this.#outputs, breathe)
    if (!found) return
    const score = { step, ...found }
    state.validation.push(score)
    state.scoredAt = step
    state.isScoreDue = false
    if (state.maskStage !== this.#lastMasks) return
    const { best } = state
    const gain = best ? (score.accuracy ?? 0) - (best.accuracy ?? 0) : 1
    const isBetter = gain > 0 || (gain === 0 && score.loss < best!.loss)
    state.sinceBest = isBetter ? 0 : state.sinceBest + 1
    if (isBetter) state.best = { ...score, parameters: keep === 'best' ? this.#session.parameters() : null }
  }
}
