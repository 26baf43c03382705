// A training run that can be interrupted: its state, and what it must be made of to go on.

import type { Parameters, SessionState } from '../../kernels/train/session.ts'
import type { ModelWeights } from '../model/weights.ts'
import { fingerprint } from './fingerprint.ts'
import type { Settings, TrainExample, ValidationScore } from './options.ts'
import type { Masks } from './schedule.ts'

/** Everything a run hangs on between two steps: plain values and typed arrays. */
export interface TrainState {
  /** what the run is made of, by part: options as they are, data and weights by a hash */
  key: Record<string, string>
  /** updates done */
  step: number
  /** examples taken from the shuffles */
  seen: number
  /** of training so far */
  seconds: number
  /** whether `maxSeconds` decides the schedule beside the steps */
  isClocked: boolean
  losses: number[]
  /** the loss that progress shows */
  shownLoss: number
  validation: ValidationScore[]
  /** step of the last score; -1 for none */
  scoredAt: number
  /** an epoch has ended whose score is not there yet */
  isScoreDue: boolean
  /** scores since the best */
  sinceBest: number
  /** the weights where the best are kept */
  best: (ValidationScore & { parameters: Parameters | null }) | null
  /** of the schedule: the last masks made, and their number; -1 for none */
  masks: Masks | null
  maskStage: number
  session: SessionState
}

/** Settings that say how a run is watched, not what it computes. */
const WATCHING: ReadonlySet<string> = new Set([
  'threads',
  'maxSeconds',
  'signal',
  'progress',
  'checkpoint',
  'resume',
] satisfies (keyof Settings)[])

/** What decides the outcome of a run. */
export function runKey(model: ModelWeights, examples: TrainExample[], settings: Settings): Record<string, string> {
  const key: Record<string, string> = { model: fingerprint(model), examples: fingerprint(examples) }
  for (const [name, value] of Object.entries(settings))
    if (!WATCHING.has(name)) key[name] = typeof value === 'object' ? fingerprint(value) : String(value)
  return key
}

/** @throws where a checkpoint is of a run made of something else; the sentence names what differs */
export function checkResumed(found: Record<string, string>, expected: Record<string, string>): void {
  const names = [...new Set([...Object.keys(found), ...Object.keys(expected)])]
  const differing = names.filter((name) => found[name] !== expected[name])
  if (differing.length === 0) return
  const words = differing.map((name) => {
    const [was, now] = [found[name] ?? 'none', expected[name] ?? 'none']
    return [was, now].some((part) => /^[0-9a-f]{16}$/.test(part)) ? `other ${name}` : `${name} was ${was}, now ${now}`
  })
  throw new Error(
    `train: the checkpoint is of another run: ${words.join('; ')}. Give the same model, data and options, or start anew`,
  )
}
