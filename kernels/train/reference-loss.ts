// The slope of the terms of the loss that the logits enter, in float64.

import { isUnlabelled, logSoftmax, type LossTarget } from './batch.ts'

/** d loss / d logits. */
export function lossSlope(logits: Float64Array, labels: number, goal: LossTarget): Float64Array {
  const B = logits.length / labels
  const { target, teacher, alpha, temperature: T, logitMse } = goal
  const d = new Float64Array(logits.length)
  for (let b = 0; b < B; b++) {
    const isLabelled = !isUnlabelled(target, labels, b)
    const p = logSoftmax(logits, b * labels, labels, 1).map(Math.exp)
    const soft = logSoftmax(logits, b * labels, labels, T).map(Math.exp)
    for (let c = 0; c < labels; c++) {
      const at = b * labels + c
      if (isLabelled) d[at] = ((teacher ? alpha : 1) * (p[c] - target[at])) / B
      if (logitMse) d[at] += (2 * logitMse.weight * (logits[at] - logitMse.logits[at])) / (B * labels)
      if (teacher) d[at] += ((1 - alpha) * T * (soft[c] - teacher[at])) / B
    }
  }
  return d
}
