// What a distillation is where nothing else is asked for.

import { TRAINING } from '../train/defaults.ts'

export const DISTIL = { ...TRAINING, student: '1x64', alpha: 0.5, temperature: 2, logitMse: 0, hiddenWeight: 0 }

/** The same of vectors. */
export const DISTIL_VECTORS = { ...TRAINING, student: '3x384', hiddenWeight: 0, dropout: 0 }

/** Tokens of a new student's own vocabulary. */
export const NEW_STUDENT_VOCABULARY = 1536
