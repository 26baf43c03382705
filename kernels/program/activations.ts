// Activations of linear layers: their codes, and the float64 reference of the epilogue with its bounds.

import type { Activation } from './program.ts'

/** The codes that both backends' kernels know. */
export const ACTIVATION_CODE = {
  none: 0,
  gelu: 1,
  tanh: 2,
  relu: 3,
  gelu_tanh: 4,
  silu: 5,
} as const satisfies Record<Activation, number>

/** Throws where a name is no activation, which a kernel would take for another one. */
export function activationCode(name: Activation): number {
  if (Object.hasOwn(ACTIVATION_CODE, name)) return ACTIVATION_CODE[name]
  throw new Error(`activation '${name}' is not known: expected one of ${Object.keys(ACTIVATION_CODE).join(', ')}`)
}

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
  switch (activation) {
    case 'none':
      return x
    case 'gelu':
      return 0.5 * x * (1 + erf(x / Math.SQRT2))
    case 'tanh':
      return Math.tanh(x)
    case 'relu':
      return Math.max(x, 0)
    case 'gelu_tanh':
      return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
    case 'silu':
      return x / (1 + Math.exp(-x))
  }
}

/** Largest slope of each activation: how far an error before it can grow (gelu: 1.129 at x = sqrt 2; silu: 1.0998). */
export const ACTIVATION_SLOPE: Record<Activation, number> = {
  none: 1,
  gelu: 1.13,
  tanh: 1,
  relu: 1,
  gelu_tanh: 1.13,
  silu: 1.1,
}

/** Error that a backend's own polynomial may add: absolute, times max(1, |x|). */
export const ACTIVATION_ERROR: Record<Activation, number> = {
  none: 0,
  gelu: 1e-6,
  tanh: 1e-6,
  relu: 0,
  gelu_tanh: 1e-6,
  silu: 1e-6,
}
