// Distillation from code.

import { checkNames, type OptionNames } from '../../kernels/program/check-options.ts'
import { given } from '../train/defaults.ts'
import { TRAINING_OPTIONS, type TrainedClassifier, type Watch } from '../train/settings.ts'
import { DISTIL, DISTIL_VECTORS } from './defaults.ts'
import type { DistilledEmbedder } from './embed.node.ts'
import type { DistilSettings, EmbedSettings } from './settings.ts'

/** `teachers`, `data` and `out`; the rest as in `DistilSettings`, with the values of `DISTIL` where not given. */
export type DistilOptions = Pick<DistilSettings, 'teachers' | 'data' | 'out'> & Partial<DistilSettings>

/** The same of `EmbedSettings`; nothing is dropped unless `dropout` says so, since a vector is no noisy label. */
export type EmbedDistilOptions = Pick<EmbedSettings, 'task' | 'teachers' | 'data' | 'out'> & Partial<EmbedSettings>

const STUDENT: OptionNames<Pick<DistilSettings, 'teachers' | 'student' | 'init' | 'vocabulary' | 'hiddenWeight'>> = {
  ...{ teachers: true, student: true, init: true, vocabulary: true, hiddenWeight: true },
}

const OPTIONS: OptionNames<DistilSettings> = {
  ...TRAINING_OPTIONS,
  ...STUDENT,
  ...{ task: true, alpha: true, temperature: true, logitMse: true, unlabelled: true, augment: true },
}

const { label: _, textPair: __, labelSeparator: ___, problemType: ____, ...WITHOUT_LABELS } = TRAINING_OPTIONS
const VECTOR_OPTIONS: OptionNames<EmbedSettings> = { ...WITHOUT_LABELS, ...STUDENT, task: true, recipe: true }

/**
 * Trains a student on the labels of a data set and on what its teachers say of the texts, saves it in a folder and scores
 * it on the test part. With the task 'embed' the teacher is an embedder, whose vectors of the texts the student learns; it is
 * scored by how near its vectors of held-out texts are to the teacher's. Node only.
 * @throws where data, teachers and student do not fit each other; `Stopped` where the signal ended it
 * @example
 * const { bytes, scores } = await distil({ teachers: ['bert'], data: 'reviews.csv', student: '2x64', out: 'student' })
 */
export function distil(options: EmbedDistilOptions, watch?: Watch): Promise<DistilledEmbedder>
export function distil(options: DistilOptions, watch?: Watch): Promise<TrainedClassifier>
export async function distil(
  options: DistilOptions | EmbedDistilOptions,
  watch: Watch = {},
): Promise<TrainedClassifier | DistilledEmbedder> {
  if (options.task === 'embed') {
    checkNames('distil (task embed)', options, VECTOR_OPTIONS)
    const { distilVectors } = await import('./embed.node.ts')
    return distilVectors({ ...DISTIL_VECTORS, ...given(options) }, watch)
  }
  checkNames('distil', options, OPTIONS)
  const { distilOnData } = await import('./distil.node.ts')
  return distilOnData({ ...DISTIL, ...given(options) }, watch)
}
