// gamma and beta of a LayerNorm are stored as they come: f32 [C], padded with zeros to whole panels.

import { placeVector, type LoadContext } from '../wasm/lowered.ts'

export interface PlacedNorm {
  /** f32 [C] */
  gamma: number
  /** f32 [C] */
  beta: number
}

export function placeNorm(load: LoadContext, name: string, gamma: Float32Array, beta: Float32Array): PlacedNorm {
  return { gamma: placeVector(load, `${name} gamma`, gamma), beta: placeVector(load, `${name} beta`, beta) }
}
