// What a training is where nothing else is asked for, and the model it makes from random weights.

import type { Crop } from './crop.ts'

/** Settings of `train` and `distil`. */
export const TRAINING = { epochs: 4, minutes: 10, batch: 32, dropout: 0.1, seed: 1 }

/** A model with random weights: its size, and the most tokens of its vocabulary and of a text. */
export const NEW_MODEL = {
  baseline: { layers: 2, hiddenSize: 192, heads: 6, intermediateSize: 768 },
  vocabulary: 8192,
  maxPositions: 128,
}

/**
 * Peaks of the learning rate. Random weights: 192 wide, 1e-3 ends at F1 0.92 on the built-in reviews where 5e-4 reaches
 * 0.95; those narrower than 128 take larger steps. Rounding: a trained model whose loss 1e-4 doubles before it falls.
 */
export const PEAK_RATE = { scratch: 5e-4, narrow: 2e-3, pretrained: 1e-4, rounding: 2e-5 }

/**
 * How a model with random weights is trained where nothing else is asked for: pieces that fall into smaller ones (few texts
 * teach more words), and texts that are read in part (a header or a signature is not always there).
 */
export const FROM_SCRATCH = { pieceDropout: 0.1, crop: 0.5 }

/** Of texts of more tokens most readings are of a part: a step costs a fraction, and the passes that fit into a time are more. */
const LONGER = { than: NEW_MODEL.maxPositions - 2, rate: 0.9 }

/** How texts of at most so many tokens are read in part, in a share of the readings. */
export const cropOf = (rate: number, tokens: number): Crop => ({
  rate,
  ...(tokens > NEW_MODEL.maxPositions && { longer: LONGER }),
})

/** What can teach beside the labels. */
export const TEACHERS = ['linear', 'none'] as const
export type TeacherChoice = (typeof TEACHERS)[number]

/** Shares of the loss where logistic regression teaches beside the labels, and the temperature of its part. */
export const LINEAR_TEACHER = { alpha: 0.5, temperature: 2 }

/** Settings that `train --tune` tries. */
export const TRIALS = 9

/** Only what is given: an option that is undefined leaves its default. */
export const given = <T extends object>(options: T): T =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
