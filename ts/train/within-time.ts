// Training inside a budget: as many epochs as planned, fewer where this machine's measured step would take too long.

import type { ModelWeights } from '../model/weights.ts'
import { stepsOf } from './batches.ts'
import { trainClassifier } from './loop.ts'
import type { TrainExample, TrainOptions, TrainResult } from './options.ts'
import type { MaskSchedule } from './schedule.ts'
import type { Reporter } from '../inference/reporter.ts'
import { median } from '../evaluation/statistics.ts'
import { Stopped } from '../inference/stopped.ts'

export type Example = TrainExample

export interface TrainingPlan {
  /** passes over the examples, where time allows */
  epochs: number
  /** most seconds to take */
  seconds: number
  /** sequences a step */
  batch: number
  learningRate: number
  seed: number
  /** 0 for the trainer's own choice */
  threads: number
  /** the trainer's own where not given */
  dropout?: number
  /** f32 [examples, labels], or one array each: what a teacher says, for distillation */
  teacherLogits?: Float32Array | Float32Array[]
  /** f32 [examples, C]: a teacher's vectors, of a model without a classifier */
  teacherVectors?: Float32Array
  /** share of the labels beside the teacher; 0.5 */
  alpha?: number
  /** zeros that grow as training goes */
  maskSchedule?: MaskSchedule
  /** more of the trainer's options */
  more?: Partial<TrainOptions>
}

export interface Trained {
  model: ModelWeights
  /** in words, for the row's note: how long it trained, and what was cut */
  words: string
  steps: number
  seconds: number
}

/** The first steps are slower: code is compiled, memory is touched for the first time. */
const SLOW_STEPS = 2
const PROBE_STEPS = 8
/** Of the time given, after which fewer steps tell how long one takes. */
const PROBE_SHARE = 0.1
/**
 * Up to this share of the time given, the steps are simply counted, and the result is the same on every machine. Beyond
 * it the clock ends the training, since steps may get slower than they were.
 */
const SAFE_SHARE = 0.7

/** Trains a copy of `model`. @throws Stopped where the signal says so; nothing of the training is kept then */
export async function trainWithin(
  model: ModelWeights,
  examples: Example[],
  plan: TrainingPlan,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<Trained> {
  const options: TrainOptions = {
    batch: plan.batch,
    learningRate: plan.learningRate,
    seed: plan.seed,
    signal,
    ...(plan.dropout !== undefined && { dropout: plan.dropout }),
    ...(plan.threads && { threads: plan.threads }),
    ...(plan.teacherLogits && { teacherLogits: plan.teacherLogits, alpha: plan.alpha ?? 0.5, temperature: 2 }),
    ...(plan.teacherVectors && { teacherVectors: plan.teacherVectors }),
    ...plan.more,
  }
  // of one update
  const texts = Math.min(plan.batch, examples.length) * (plan.more?.accumulate ?? 1)
  const steps = stepsOf(examples, { ...options, epochs: plan.epochs, batch: plan.batch })
  // a run that goes on keeps to its schedule, however fast the machine is now
  const began = performance.now()
  const isClocked =
    plan.more?.resume?.isClocked ??
    (await measureStep(model, examples, options, PROBE_SHARE * plan.seconds)) * steps > SAFE_SHARE * plan.seconds
  if (signal?.aborted) throw new Stopped()
  const result = await trainClassifier(model, examples, {
    ...options,
    steps,
    ...(plan.maskSchedule && { maskSchedule: plan.maskSchedule }),
    // what measuring a step has taken is part of the time given
    ...(isClocked && { maxSeconds: Math.max(plan.seconds / 2, plan.seconds - (performance.now() - began) / 1000) }),
    progress: ({ step, steps: all, loss, secondsLeft }) =>
      reporter.progress(step, all, secondsLeft, `loss ${loss.toFixed(3)}`),
  })
  if (signal?.aborted) throw new Stopped()
  const epochs = ((result.steps * texts) / examples.length).toFixed(1)
  const words =
    `${result.steps} steps of ${texts} texts (${epochs} epochs) in ${result.seconds.toFixed(0)} s` +
    endWords(result, steps)
  return { model: result.model, words, steps: result.steps, seconds: result.seconds }
}

/** Why it ended before its plan, and which weights it gave back. */
function endWords({ ended, kept, steps: done }: TrainResult, planned: number): string {
  const why =
    ended === 'clock'
      ? `; ended by the clock before the ${planned} steps planned`
      : ended === 'patience'
        ? `; ended before the ${planned} steps planned, since the validation texts gained nothing any more`
        : ''
  return kept < done ? `${why}; the weights of step ${kept} are kept, the best on the validation texts` : why
}

/** Seconds of a usual step on this machine now. @param seconds most to take, but for the first steps */
export async function measureStep(
  model: ModelWeights,
  examples: Example[],
  options: TrainOptions,
  seconds = Infinity,
): Promise<number> {
  const times: number[] = []
  const enough = new AbortController()
  const began = performance.now()
  let last = began
  await trainClassifier(model, examples, {
    ...options,
    signal: options.signal ? AbortSignal.any([options.signal, enough.signal]) : enough.signal,
    checkpoint: undefined,
    resume: undefined,
    // scoring is no step
    ...{ validation: undefined, validationVectors: undefined, keep: 'last', patience: undefined },
    steps: PROBE_STEPS,
    progress: () => {
      const now = performance.now()
      times.push((now - last) / 1000)
      last = now
      if (times.length > SLOW_STEPS && now - began > 1000 * seconds) enough.abort()
    },
  })
  // fewer where the signal ended it
  return times.length > SLOW_STEPS ? median(times.slice(SLOW_STEPS)) : Infinity
}
