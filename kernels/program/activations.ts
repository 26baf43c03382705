// Activations in float64: the reference for the epilogues of linear layers.

import type { Activation } from './program.ts'

/** erf to about 1e-15: series below 2, continued fraction above. */
export function erf(x: number): number {
  const a = Math.abs(x)
  if (a < 2.5) {
    let term = a
    let sum = a
    for (let n = 1; n < 200 && Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
      term *= (-a * a) / n
      sum += term / (2 * n + 1)
    }
    return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * sum
  }
  let fraction = 0
  for (let n = 60; n > 0; n--) fraction = n / 2 / (a + fraction)
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * (a + fraction)))
}

export function activate(x: number, activation: Activation): number {
  if (activation === 'gelu') return 0.5 * x * (1 + erf(x / Math.SQRT2))
  return activation === 'tanh' ? Math.tanh(x) : x
}

/** Largest slope of each activation: how far an error before it can grow (gelu: 1.129 at x = sqrt 2). */
export const ACTIVATION_SLOPE: Record<Activation, number> = { none: 1, gelu: 1.13, tanh: 1 }

/** Error that a backend's own polynomial may add: absolute, times max(1, |x|). */
export const ACTIVATION_ERROR: Record<Activation, number> = { none: 0, gelu: 1e-6, tanh: 1e-6 }
