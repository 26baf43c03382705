// The slope of the terms of the loss that the logits enter, in float64.

import { isUnlabelled, linked, slopeShares, type LossTarget } from './batch.ts'

/** d loss / d logits. */
export function lossSlope(logits: Float64Array, labels: number, goal: LossTarget): Float64Array {
  const B = logits.length / labels
  const { link = 'softmax', target, teacher, temperature, logitMse } = goal
  const { hardShare, softShare } = slopeShares(goal, labels, B)
  const d = new Float64Array(logits.length)
  for (let b = 0; b < B; b++) {
    const isLabelled = link !== 'softmax' || !isUnlabelled(target, labels, b)
    const p = linked(link, logits, b * labels, labels, 1)
    const soft = linked(link, logits, b * labels, labels, temperature)
    for (let c = 0; c < labels; c++) {
      const at = b * labels + c
      if (isLabelled && !Number.isNaN(target[at])) d[at] = hardShare * (p[c] - target[at])
      if (logitMse) d[at] += (2 * logitMse.weight * (logits[at] - logitMse.logits[at])) / (B * labels)
      if (teacher) d[at] += softShare * (soft[c] - teacher[at])
    }
  }
  return d
}
