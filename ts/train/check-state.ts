// Whether a training state is one: it may come from a file that was damaged, or from a caller. What a checksum cannot see
// (a state that was written so) is held against the run that shall go on with it.

import type { Parameters } from '../../kernels/train/session.ts'
import type { Settings } from './options.ts'
import type { TrainState } from './state.ts'

/** What a run lets its state be. */
export interface StateBounds {
  /** lengths of the vectors of parameters */
  words: number
  rest: number
  steps: number
  examples: number
  /** number of the schedule's last masks; -1 where there is no schedule */
  lastMasks: number
}

type Found = Record<string, unknown>

const isObject = (value: unknown): value is Found =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)

const shown = (value: unknown): string => {
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${(value as Uint8Array).length}`
  if (Array.isArray(value)) return `a list of ${value.length}`
  return isObject(value) ? 'an object' : String(value)
}

const refuse = (what: string, found: unknown, expected: string): never => {
  throw new Error(
    `train: the checkpoint has ${what} ${shown(found)}, expected ${expected}; it is damaged: remove it and train anew`,
  )
}

/** @throws where the state has other parts than a run saves; the message names the part */
export function checkStateShape(state: unknown): asserts state is TrainState {
  if (!isObject(state)) return refuse('the state', state, 'an object')
  if (!isObject(state.key) || !Object.values(state.key).every((part) => typeof part === 'string'))
    refuse('key', state.key, 'texts by name')
  for (const name of ['isClocked', 'isScoreDue'])
    if (typeof state[name] !== 'boolean') refuse(name, state[name], 'true or false')
  const count = (name: string, least = 0): void => {
    if (!Number.isSafeInteger(state[name]) || (state[name] as number) < least)
      refuse(name, state[name], `a whole number of ${least} or more`)
  }
  for (const name of ['step', 'seen', 'sinceBest']) count(name)
  for (const name of ['scoredAt', 'maskStage']) count(name, -1)
  if (!isFinite(state.seconds) || state.seconds < 0) refuse('seconds', state.seconds, 'a number of 0 or more')
  if (!isFinite(state.shownLoss)) refuse('shownLoss', state.shownLoss, 'a number')
  if (!Array.isArray(state.losses) || !state.losses.every(isFinite)) refuse('losses', state.losses, 'a list of numbers')
  if (!Array.isArray(state.validation)) refuse('validation', state.validation, 'a list of scores')
  for (const score of state.validation as unknown[]) checkScore('validation', score)
  if (state.best !== null) checkScore('best', state.best)
  if (state.masks !== null && !(isObject(state.masks) && Object.values(state.masks).every(isMask)))
    refuse('masks', state.masks, 'null, or an array of bytes for each layer')
  if (!isObject(state.session)) refuse('session', state.session, 'an object')
}

/**
 * Holds a state against the run that shall go on with it; `checkStateShape` comes first.
 * @throws where a number is out of its range or an array of another length; the message names it
 */
export function checkState(state: TrainState, bounds: StateBounds, settings: Settings): void {
  const { step, seen, losses, session, best, validation } = state
  if (step > bounds.steps) refuse('step', step, `at most ${bounds.steps}`)
  if (losses.length !== step) refuse('losses', losses, `one for each of ${step} steps`)
  if (session.steps !== step) refuse('session.steps', session.steps, `${step}, as its step`)
  const { accumulate, batch, batchTokens } = settings
  const [least, most] = batchTokens
    ? [1, batchTokens]
    : [Math.min(batch, bounds.examples), Math.min(batch, bounds.examples)]
  if (seen < step * accumulate * least || seen > step * accumulate * most)
    refuse('seen', seen, `from ${step * accumulate * least} to ${step * accumulate * most} after ${step} steps`)
  if (state.scoredAt > step) refuse('scoredAt', state.scoredAt, `at most ${step}`)
  if (state.maskStage > bounds.lastMasks) refuse('maskStage', state.maskStage, `at most ${bounds.lastMasks}`)
  if (validation.some((score) => score.step > step)) refuse('validation', validation, `scores of at most step ${step}`)
  if (state.sinceBest > validation.length) refuse('sinceBest', state.sinceBest, `at most ${validation.length}`)
  if (best && best.step > step) refuse('best.step', best.step, `at most ${step}`)
  if (best?.parameters) checkParameters('best.parameters', best.parameters, bounds)
  for (const kind of ['parameters', 'firstMoments', 'secondMoments'] as const)
    checkParameters(`session.${kind}`, session[kind], bounds)
  for (const part of ['words', 'rest'] as const)
    if (session.secondMoments[part].some((x) => x < 0))
      refuse(
        `session.secondMoments.${part}`,
        session.secondMoments[part].find((x) => x < 0),
        'no number below 0',
      )
}

const isFinite = (value: unknown): value is number => Number.isFinite(value)
const isMask = (value: unknown): boolean => value instanceof Uint8Array

function checkScore(what: string, score: unknown): void {
  if (!isObject(score)) return refuse(what, score, 'scores')
  if (!Number.isSafeInteger(score.step) || (score.step as number) < 0)
    refuse(`${what}.step`, score.step, 'a whole number of 0 or more')
  for (const name of ['loss', 'accuracy'])
    if (!isFinite(score[name])) refuse(`${what}.${name}`, score[name], 'a number')
}

function checkParameters(what: string, found: Parameters, bounds: StateBounds): void {
  if (!isObject(found)) refuse(what, found, 'arrays of words and of the rest')
  for (const part of ['words', 'rest'] as const) {
    const numbers: unknown = found[part]
    if (!(numbers instanceof Float32Array) || numbers.length !== bounds[part])
      return refuse(`${what}.${part}`, numbers, `f32 [${bounds[part]}]`)
    const bad = numbers.find((x) => !Number.isFinite(x))
    if (bad !== undefined) refuse(`${what}.${part}`, bad, 'finite numbers')
  }
}
