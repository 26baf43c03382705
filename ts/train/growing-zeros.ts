// Zeros that grow while a model is trained, by a recipe's step.

import type { Calibration } from '../compress/calibration.ts'
import { masksFor } from '../compress/prune.ts'
import type { Step } from '../recipe/apply.ts'
import type { Growth } from '../recipe/step.ts'
import type { MaskSchedule } from './schedule.ts'

/** Share of the steps in which zeros grow; the rest trains with all of them. */
const GROWING = 0.6

/**
 * Masks that grow along the step's schedule. What goes first is what the loss misses least, unless the step goes by the
 * weights or by what enters them.
 */
export function growingZeros(step: Step, { rule, by }: Growth<Step>, calibration?: Calibration): MaskSchedule {
  return {
    until: GROWING,
    masks: (done, model, saliency) => masksFor(by === 'saliency' ? saliency() : model, rule(step, done), calibration),
  }
}

/** How the zeros came, for a note. */
export const growthWords = ({ isGradual, by }: Growth<Step>): string =>
  isGradual
    ? `zeros grown in ${GROWING * 100} % of the steps${by === 'saliency' ? ', where w^2 times the mean squared gradient is least' : ''}`
    : 'zeros held from the first step'
