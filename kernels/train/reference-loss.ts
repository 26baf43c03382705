// The slopes of the terms of the loss that logits and vectors enter, in float64.

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

/** delta mean(1 - cos(p, t)) of the rows of p and t [B, width], and its slope d with regard to p. */
export function vectorSlope(
  p: Float64Array,
  B: number,
  { weight, teacher: t }: NonNullable<LossTarget['vectors']>,
): { loss: number; d: Float64Array } {
  const width = p.length / B
  const d = new Float64Array(p.length)
  let loss = 0
  for (let b = 0; b < B; b++) {
    let [square, product] = [0, 0]
    for (let at = b * width; at < (b + 1) * width; at++) {
      square += p[at] * p[at]
      product += p[at] * t[at]
    }
    const length = Math.sqrt(square)
    const cosine = product / length
    loss += (weight / B) * (1 - cosine)
    for (let at = b * width; at < (b + 1) * width; at++)
      d[at] = ((weight / B) * ((cosine * p[at]) / length - t[at])) / length
  }
  return { loss, d }
}
