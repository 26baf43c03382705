// Training from a data set to a folder, from code.

import { checkNames, type OptionNames } from '../../kernels/program/check-options.ts'
import { given, TRAINING } from './defaults.ts'
import { TRAINING_OPTIONS, type TrainedClassifier, type TrainSettings, type Watch } from './settings.ts'

/** `data` and `out`; the rest as in `TrainSettings`, with the values of `TRAINING` where not given. */
export type TrainOnDataOptions = Pick<TrainSettings, 'data' | 'out'> & Partial<TrainSettings>

const OPTIONS: OptionNames<TrainSettings> = {
  ...TRAINING_OPTIONS,
  model: true,
  size: true,
  teacher: true,
  trials: true,
}

/**
 * Trains a classifier on a data set, saves it in a folder and scores it on the test part: a fifth of the data where there
 * is no test file. With `trials` it searches settings first, on training texts alone. Node only.
 * @throws where data, model and settings do not fit each other; `Stopped` where the signal ended it
 * @example
 * const { scores } = await trainOnData({ data: 'reviews.csv', out: 'model', epochs: 2 })
 */
export async function trainOnData(options: TrainOnDataOptions, watch: Watch = {}): Promise<TrainedClassifier> {
  checkNames('train', options, OPTIONS)
  const { trainFromSettings } = await import('./train-on-data.node.ts')
  return trainFromSettings({ ...TRAINING, ...given(options) }, watch)
}
