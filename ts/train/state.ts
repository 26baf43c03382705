// What a training run is between two steps: all that it needs to go on.

import type { Parameters, SessionState } from '../../kernels/train/session.ts'
import type { Masks } from './schedule.ts'

export interface ValidationScore {
  step: number
  /** mean over the examples, as the problem type has it: cross-entropy, of numbers squared differences */
  loss: number
  /** share of right labels, of several that may hold of right yes and no; null where outputs are numbers */
  accuracy: number | null
}

/** Everything a run depends on between two steps: plain values and typed arrays. */
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
