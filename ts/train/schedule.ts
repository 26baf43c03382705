// What changes as training goes: the learning rate, and masks made from the weights.

import type { ModelWeights } from '../model/weights.ts'

/** Masks by tensor stem: u8 [N, K], 0 = zero. */
export type Masks = Record<string, Uint8Array>

export interface MaskSchedule {
  /** steps between two masks, or below 1 their share of all steps; 1/40 */
  every?: number
  /** share of the steps after which the masks stay as they are; 0.75 */
  until?: number
  /**
   * The masks from here on; those of stems that are not named are dropped. Zeros may grow, or move where the callback says
   * so: a weight that is free again starts from 0.
   * @param done 0 before the first step, 1 at `until`
   * @param model with the weights of now, which is the callback's own
   * @param saliency gives the same with every weight w as w sqrt(v), v AdamW's mean of its squared gradients: its square is, but
   *   for one factor that all share, what the loss is expected to rise by without the weight [Optimal Brain Damage,
   *   LeCun et al. 1989, with the squared gradients in place of the Hessian's diagonal]. 0 before the first step
   */
  masks(done: number, model: ModelWeights, saliency: () => ModelWeights): Masks | Promise<Masks>
}

const EVERY = 1 / 40
const UNTIL = 0.75

/**
 * Share of the peak learning rate after `done` (0 to 1) of the training: up over `warmup`, then in each of `cycles` equal
 * stages from the peak down to `floor`.
 */
export function scheduleAt(done: number, warmup: number, cycles = 1, floor = 0): number {
  if (done < warmup) return done / warmup
  if (warmup >= 1) return 1
  const length = (1 - warmup) / cycles
  const stage = Math.min(cycles - 1, Math.floor((done - warmup) / length))
  const end = 1 - (cycles - 1 - stage) * length
  return floor + (1 - floor) * Math.min(1, Math.max(0, (end - done) / length))
}

/** Masks of a schedule's whole: the first before any step, the last where `until` is reached. */
export function maskStages({ every = EVERY, until = UNTIL }: MaskSchedule, steps: number): number {
  const share = every < 1 ? every : every / steps
  return Math.max(1, Math.round(until / share))
}

/** Which of the masks 0 .. stages holds after `done` (0 to 1) of the training. */
export function maskStageAt({ until = UNTIL }: MaskSchedule, stages: number, done: number): number {
  // rounded a little up: a share such as 3/40 must not fall below its step
  return Math.min(stages, Math.floor((done / until) * stages + 1e-9))
}
