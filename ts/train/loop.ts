// Training a classifier: batches, schedule, progress. The step itself is kernels/train.

import { lossOf } from '../../kernels/train/batch.ts'
import { TrainSession, type AdamW, type Parameters } from '../../kernels/train/session.ts'
import type { ModelWeights } from '../model/weights.ts'
import { checkTeacher, goalOf, joinExamples, nextBatch, shuffled, stepsOf } from './batches.ts'
import { modelOf, parametersOf, placeMasks, shapeOfModel } from './convert.ts'
import { HiddenTeacher, initializeProjections, matchesOf } from './hidden.ts'
import {
  checkExamples,
  settle,
  type Settings,
  type TrainExample,
  type TrainOptions,
  type TrainResult,
  type ValidationScore,
} from './options.ts'

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
/** Sequences scored at a time on validation examples. */
const SCORE_BATCH = 64

/** Share of the peak learning rate after `done` (0 to 1) of the training: up over `warmup`, then down to 0. */
export function scheduleAt(done: number, warmup: number): number {
  if (done < warmup) return done / warmup
  return warmup >= 1 ? 1 : Math.max(0, (1 - done) / (1 - warmup))
}

/**
 * Trains a copy of a BERT classifier: cross-entropy and what a teacher says (softmax, logits, hidden states), AdamW, linear warm-up and decay, clipping. The same
 * seed gives the same bits on any number of threads. Moments and decay of word embeddings are lazy: a word's row changes
 * only in steps whose batch has the word.
 *
 * @param model f32 with pooler and classifier; linear layers of the encoder may be chains of f32 factors, and factors that are
 *   one array are trained as one, and are one again in the result
 * @param examples token ids with their label
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
  const hasTeacher = Boolean(settings.teacherLogits ?? settings.hidden)
  checkExamples(examples, shape.labels, shape.positions, 'training', hasTeacher)
  if (settings.validation) checkExamples(settings.validation, shape.labels, shape.positions, 'validation')
  checkTeacher(settings.teacherLogits, examples.length, shape.labels)
  const { threads, hidden, fakeQuantize, seed } = settings
  const session = await TrainSession.create(hidden ? { ...shape, matches: matchesOf(shape, hidden) } : shape, {
    ...(threads && { threads }),
    ...(fakeQuantize && { fakeQuantize }),
  })
  let teacher: HiddenTeacher | null = null
  try {
    if (hidden) teacher = await HiddenTeacher.create(hidden, threads)
    const start = parametersOf(model, session.layout)
    initializeProjections(session.layout, start.rest, seed)
    session.setParameters(start)
    for (const { offset, mask } of placeMasks(model, session.layout, settings.masks ?? {}))
      session.setMask(offset, mask)
    const { parameters, ...result } = await new Loop(session, examples, settings, teacher).run()
    return { model: modelOf(model, session.layout, parameters), ...result }
  } finally {
    await teacher?.dispose()
    await session.dispose()
  }
}

/** The loss is no number any more. */
export class Diverged extends Error {}

class Loop {
  #session: TrainSession
  #examples: TrainExample[]
  #settings: Settings
  #teacher: HiddenTeacher | null
  #losses: number[] = []
  #scores: ValidationScore[] = []
  #best: { accuracy: number; loss: number; parameters: Parameters } | null = null
  #shownLoss = NaN
  #begin = 0
  #lastBreath = 0

  constructor(session: TrainSession, examples: TrainExample[], settings: Settings, teacher: HiddenTeacher | null) {
    this.#teacher = teacher
    this.#session = session
    this.#examples = examples
    this.#settings = settings
  }

  async run(): Promise<Omit<TrainResult, 'model'> & { parameters: Parameters }> {
    const { seed, maxSeconds = Infinity, signal } = this.#settings
    const examples = this.#examples
    const steps = this.#settings.steps ?? stepsOf(examples, this.#settings)
    const stream = shuffled(examples.length, seed)
    this.#begin = this.#lastBreath = performance.now()
    let seen = 0
    let scoredAt = -1
    for (let step = 0; step < steps && !signal?.aborted; step++) {
      const elapsed = this.#seconds()
      if (elapsed >= maxSeconds) break
      const done = Math.max((step + 0.5) / steps, elapsed / maxSeconds)
      const chosen = nextBatch(stream, examples, this.#settings)
      const learningRate = this.#settings.learningRate * scheduleAt(done, this.#settings.warmup)
      await this.#step(step, chosen, learningRate)
      this.#report(step + 1, steps, learningRate)
      await this.#breathe()
      const epoch = Math.floor(seen / examples.length)
      seen += chosen.length
      if (Math.floor(seen / examples.length) > epoch && step + 1 < steps)
        scoredAt = await this.#score(step + 1, scoredAt)
    }
    if (!signal?.aborted) await this.#score(this.#losses.length, scoredAt)
    const isBest = this.#settings.keep === 'best' && this.#best
    return {
      parameters: isBest ? isBest.parameters : this.#session.parameters(),
      losses: this.#losses,
      steps: this.#losses.length,
      seconds: this.#seconds(),
      validation: this.#scores,
    }
  }

  #seconds(): number {
    return (performance.now() - this.#begin) / 1000
  }

  async #step(step: number, chosen: number[], learningRate: number): Promise<void> {
    const { dropout: rate, seed, weightDecay, clipNorm } = this.#settings
    const { labels } = this.#session.layout.shape
    const goal = goalOf(this.#examples, chosen, labels, this.#settings)
    const adam: AdamW = { learningRate, beta1: BETA1, beta2: BETA2, epsilon: EPSILON, weightDecay, clipNorm }
    const dropout = rate > 0 ? { rate, seed: Math.imul(seed, 0x01000193) + step } : null
    const batch = joinExamples(this.#examples, chosen)
    if (this.#teacher) goal.states = await this.#teacher.states(batch)
    const { logits, norm, stateLoss } = await this.#session.step(batch, goal, dropout, adam)
    const loss = lossOf(logits, labels, goal) + stateLoss
    if (!Number.isFinite(loss) || !Number.isFinite(norm))
      throw new Diverged(
        `train: step ${step + 1} gave loss ${loss} and gradient norm ${norm}; lower the learning rate (${this.#settings.learningRate})`,
      )
    this.#losses.push(loss)
    this.#shownLoss =
      step === 0 ? loss : this.#shownLoss + (loss - this.#shownLoss) * Math.max(LOSS_SHARE, 1 / (step + 1))
  }

  #report(step: number, steps: number, learningRate: number): void {
    const elapsed = this.#seconds()
    const { maxSeconds = Infinity, progress } = this.#settings
    const secondsLeft = Math.max(0, Math.min((elapsed / step) * (steps - step), maxSeconds - elapsed))
    progress?.({ step, steps, loss: this.#shownLoss, secondsLeft, learningRate })
  }

  async #breathe(): Promise<void> {
    if (performance.now() - this.#lastBreath < BREATH_MS) return
    await new Promise((resolve) => setTimeout(resolve, 0))
    this.#lastBreath = performance.now()
  }

  /** Scores the validation examples unless `scoredAt` is this step already; returns the step. */
  async #score(step: number, scoredAt: number): Promise<number> {
    const { validation, keep, signal } = this.#settings
    if (!validation?.length || scoredAt === step) return step
    const { labels } = this.#session.layout.shape
    let loss = 0
    let right = 0
    for (let begin = 0; begin < validation.length && !signal?.aborted; begin += SCORE_BATCH) {
      const part = validation.slice(begin, begin + SCORE_BATCH)
      const chosen = part.map((_, i) => i)
      const logits = await this.#session.forward(joinExamples(part, chosen))
      loss += part.length * lossOf(logits, labels, goalOf(part, chosen, labels, plainLoss(this.#settings)))
      part.forEach(({ label }, b) => {
        const row = logits.subarray(b * labels, b * labels + labels)
        if (row.indexOf(Math.max(...row)) === label) right++
      })
      await this.#breathe()
    }
    if (signal?.aborted) return step
    const score = { step, loss: loss / validation.length, accuracy: right / validation.length }
    this.#scores.push(score)
    const best = this.#best
    const isBetter =
      !best || score.accuracy > best.accuracy || (score.accuracy === best.accuracy && score.loss < best.loss)
    if (keep === 'best' && isBetter) this.#best = { ...score, parameters: this.#session.parameters() }
    return step
  }
}

/** Cross-entropy with the labels alone. */
function plainLoss({ teacherLogits: _, ...settings }: Settings): Settings {
  return { ...settings, labelSmoothing: 0, alpha: 1, temperature: 1, logitMse: 0 }
}
