// What can be asked of a training from data to a saved model: what `train` and `distil` share, and what is `train`'s own.

import type { OptionNames } from '../../kernels/program/check-options.ts'
import type { Reporter } from '../inference/reporter.ts'
import type { PreparedData, PrepareOptions, TaskOptions } from '../data/prepare.ts'
import type { TaskScores } from '../evaluation/task-scores.ts'
import type { ModelWeights } from '../model/weights.ts'
import type { TeacherChoice } from './defaults.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import type { Tuned } from './search.ts'

export interface TrainingSettings extends Pick<
  PrepareOptions,
  'data' | 'test' | 'text' | 'label' | 'preparation' | 'seed' | keyof TaskOptions
> {
  /** the model's folder; `out` + '.training' beside it keeps what a later run can use */
  out: string
  /** passes over the training texts */
  epochs: number
  /** most minutes to train */
  minutes: number
  /** most tokens of a text, [CLS] and [SEP] included; 128, and never more than the model has positions */
  tokens?: number
  /** texts a step */
  batch: number
  /** share of states dropped at random */
  dropout: number
  /** peak of the schedule; what suits the model where not given */
  learningRate?: number
  /** batches whose gradients make one step */
  accumulate?: number
  /** share of word pieces that fall into smaller ones at random; 0, of a model with random weights FROM_SCRATCH.pieceDropout */
  pieceDropout?: number
  /**
   * share of readings in which a text is read in one part at random, as `cropOf` has it; 0, of a model with random weights
   * FROM_SCRATCH.crop
   */
  crop?: number
  /**
   * decides between two classes where macro F1 is best on validation texts, a tenth of the training ones, which are then not
   * trained on
   */
  threshold?: boolean
  /** texts of rarer classes are read more often, so that all classes weigh the same; a search (`trials`) does not do so */
  balance?: boolean
  /** trains on operands rounded as these steps will round them */
  quantizationAware?: 'q8' | 'q8+e8'
  /** goes on with the checkpoint that a stopped run of the same settings has left */
  resume?: boolean
  /** CPU threads; one a core, at most 4, where not given */
  threads?: number
}

export interface TrainSettings extends TrainingSettings {
  /** folder, hub id or preset:NAME to start from; without it a new model with random weights */
  model?: string
  /** layers x width of that new model, or a preset's name; 2x192 */
  size?: string
  /**
   * what teaches beside the labels. linear: logistic regression that has not seen the text; the default of a model with random
   * weights that learns classes of single texts. A search (`trials`) learns from the labels alone
   */
  teacher?: TeacherChoice
  /** settings to try first on a part of the training texts; without it none */
  trials?: number
}

export const TRAINING_OPTIONS: OptionNames<TrainingSettings> = {
  ...{ data: true, test: true, text: true, textPair: true, label: true, labelSeparator: true, problemType: true },
  ...{ preparation: true, seed: true, out: true, epochs: true, minutes: true, batch: true, dropout: true },
  ...{
    learningRate: true,
    accumulate: true,
    pieceDropout: true,
    crop: true,
    balance: true,
    threshold: true,
    quantizationAware: true,
    resume: true,
    threads: true,
    tokens: true,
  },
}

/** How a run is followed and ended. */
export interface Watch {
  reporter?: Reporter
  /** ends the run early; what can be gone on with is in `out` + '.training' */
  signal?: AbortSignal
  /** told what a search found, before the training begins */
  onTuned?: (tuned: Tuned) => void
}

/** A classifier that is trained and saved, with its scores on the test part. */
export interface TrainedClassifier {
  model: ModelWeights
  tokenizer: Tokenizer
  data: PreparedData
  /** of model.safetensors */
  bytes: number
  steps: number
  /** of the training alone */
  seconds: number
  /** texts without a label that it learned from */
  unlabelled: number
  /** null where nothing was searched */
  tuned: Tuned | null
  scores: TaskScores
}
