// Distillation from code.

import { checkNames, type OptionNames } from '../../kernels/program/check-options.ts'
import { given } from '../train/defaults.ts'
import { TRAINING_OPTIONS, type TrainedClassifier, type Watch } from '../train/settings.ts'
import { DISTIL } from './defaults.ts'
import type { DistilSettings } from './settings.ts'

/** `teachers`, `data` and `out`; the rest as in `DistilSettings`, with the values of `DISTIL` where not given. */
export type DistilOptions = Pick<DistilSettings, 'teachers' | 'data' | 'out'> & Partial<DistilSettings>

const OPTIONS: OptionNames<DistilSettings> = {
  ...TRAINING_OPTIONS,
  ...{ teachers: true, student: true, init: true, vocabulary: true, alpha: true, temperature: true, logitMse: true },
  ...{ hiddenWeight: true, unlabelled: true, augment: true },
}

/**
 * Trains a student on the labels of a data set and on what its teachers say of the texts, saves it in a folder and scores
 * it on the test part. Node only.
 * @throws where data, teachers and student do not fit each other; `Stopped` where the signal ended it
 * @example
 * const { bytes, scores } = await distil({ teachers: ['bert'], data: 'reviews.csv', student: '2x64', out: 'student' })
 */
export async function distil(options: DistilOptions, watch: Watch = {}): Promise<TrainedClassifier> {
  checkNames('distil', options, OPTIONS)
  const { distilOnData } = await import('./distil.node.ts')
  return distilOnData({ ...DISTIL, ...given(options) }, watch)
}
