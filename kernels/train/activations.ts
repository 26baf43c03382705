// How a training step computes the activations: their epilogues in both directions.

import type { Activation } from '../program/program.ts'
import { EPILOGUE } from '../wasm/abi.ts'

/** What follows a product inside the model. */
export type TrainActivation = Exclude<Activation, 'none'>

export interface TrainedActivation {
  /** codes of EPILOGUE */
  forward: number
  backward: number
  /** the backward pass looks at what f was of, which the forward pass keeps; else at what f gave */
  keepsInput: boolean
}

export const TRAINED_ACTIVATIONS: Record<TrainActivation, TrainedActivation> = {
  gelu: { forward: EPILOGUE.gelu, backward: EPILOGUE.geluBackward, keepsInput: true },
  gelu_tanh: { forward: EPILOGUE.geluTanh, backward: EPILOGUE.geluTanhBackward, keepsInput: true },
  silu: { forward: EPILOGUE.silu, backward: EPILOGUE.siluBackward, keepsInput: true },
  relu: { forward: EPILOGUE.relu, backward: EPILOGUE.reluBackward, keepsInput: false },
  tanh: { forward: EPILOGUE.tanh, backward: EPILOGUE.tanhBackward, keepsInput: false },
}
