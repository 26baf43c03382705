// gamma and beta of a LayerNorm stand as they come: f32 [C], zeros up to a multiple of 8.

import { placeVector, type LoadContext } from '../wasm/lowering.ts'

export interface PlacedNorm {
  /** f32 [C] */
  gamma: number
  /** f32 [C] */
  beta: number
}

export function placeNorm(load: LoadContext, name: string, gamma: Float32Array, beta: Float32Array): PlacedNorm {
  return { gamma: placeVector(load, `${name} gamma`, gamma), beta: placeVector(load, `${name} beta`, beta) }
}
