// `train --tune`: settings are tried on a part of the training examples and scored on the rest of them, inside a time.
// What is tested on later is not among the arguments: the search cannot see it.

import { splitExamples } from '../data/examples.ts'
import { problemTypeOf } from '../model/config.ts'
import type { ModelWeights } from '../model/weights.ts'
import { stepsOf, tokensOf } from './batches.ts'
import { Diverged, trainClassifier } from './loop.ts'
import type { TrainOptions } from './options.ts'
import { bestTrial, halving, proposals, rungs, type TrainingSetting, type Trial } from './tune.ts'
import { openDevice } from '../inference/devices.ts'
import { predict, logitsOf, softmaxRow } from '../inference/logits.ts'
import { SILENT, type Reporter } from '../inference/reporter.ts'
import { scorePredictions } from '../evaluation/statistics.ts'
import { Stopped } from '../inference/stopped.ts'
import { measureStep, type Example } from './within-time.ts'

export interface TuneOptions {
  /** settings to try, the usual one among them */
  trials: number
  /** what is used where nothing is better; the others lie around it */
  usual: TrainingSetting
  /** most seconds for the search */
  seconds: number
  seed: number
  /** CPU threads; 0 for the trainer's own choice */
  threads: number
  /** more of the trainer's options, as the training that follows has them */
  more?: Partial<TrainOptions>
  reporter?: Reporter
  signal?: AbortSignal
}

export interface Tuned {
  chosen: TrainingSetting
  /** scores are F1 on the development examples */
  trials: Trial[]
  development: number
  /** share of the planned epochs that the time allowed, in (0, 1] */
  scale: number
}

/** A fifth of the examples, and of large data no more than tells settings apart. */
const DEVELOPMENT_SHARE = 0.2
const MAX_DEVELOPMENT = 2000
/** As in training.ts: what steps may take of the time, by a measured one, for the result not to depend on the clock. */
const SAFE_SHARE = 0.7

/**
 * Finds learning rate, epochs, dropout and batch by successive halving.
 * @param model where each trial starts from
 * @throws Stopped where the signal says so; where no trial could be finished in the time
 */
export async function tuneTraining(model: ModelWeights, examples: Example[], options: TuneOptions): Promise<Tuned> {
  const { usual, seed, seconds, threads, reporter = SILENT, signal } = options
  if (problemTypeOf(model.config) !== 'single_label_classification')
    throw new Error(
      `tune: settings are compared by the F1 of classes, and the labels are those of ${problemTypeOf(model.config)}; leave out trials (--tune)`,
    )
  const began = performance.now()
  const left = (): number => seconds - (performance.now() - began) / 1000
  const classes = model.config.labels.length
  const { train, test: development } = splitExamples(examples, {
    seed,
    testShare: Math.min(DEVELOPMENT_SHARE, MAX_DEVELOPMENT / examples.length),
    classes,
  })
  const expected = development.map(({ label }) => label)
  const settings = proposals(seed, options.trials, usual)
  const common = { ...options.more, seed, signal, ...(threads && { threads }) }
  const accumulate = options.more?.accumulate ?? 1
  const stepSeconds = await measureStep(model, train, { ...common, ...usual })
  const epochs = rungs(settings.length).reduce((sum, { count, share }) => sum + count * share, 0) * usual.epochs
  const needed = (epochs * train.length * stepSeconds) / (usual.batch * accumulate)
  const scale = Math.min(1, (SAFE_SHARE * seconds) / needed)
  const total = rungs(settings.length).reduce((sum, { count }) => sum + count, 0)
  let finished = 0
  const { device } = await openDevice({ device: 'cpu', threads: threads || undefined })
  try {
    const trials = await halving(settings, async ({ batch, learningRate, dropout, epochs: all }, share) => {
      if (signal?.aborted) throw new Stopped()
      if (left() <= 0) return null
      const steps = stepsOf(train, { accumulate, epochs: all * share * scale, batch })
      let trained: ModelWeights
      try {
        const plan = { ...common, steps, batch, learningRate, dropout, maxSeconds: left() }
        trained = (await trainClassifier(model, train, plan)).model
      } catch (error) {
        if (!(error instanceof Diverged)) throw error
        return { score: 0, loss: Infinity }
      } finally {
        reporter.progress(++finished, total)
      }
      if (signal?.aborted) throw new Stopped()
      const { ids, types } = tokensOf(development)
      const logits = await logitsOf(device, trained, ids, { types, signal })
      const loss = expected.reduce((sum, label, i) => sum - Math.log(softmaxRow(logits, i, classes)[label]), 0)
      return {
        score: scorePredictions(expected, predict(logits, classes), classes).f1,
        loss: loss / expected.length,
      }
    })
    return { chosen: bestTrial(trials).setting, trials, development: development.length, scale }
  } finally {
    await device.dispose()
  }
}
