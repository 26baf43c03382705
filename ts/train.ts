// Training: `compact-kernels/train`.

export type { FakeQuantize } from '../kernels/train/fake-quantize.ts'
export { calibrate } from './train/calibrate.ts'
export type { CalibrateOptions } from './train/calibrate.ts'
export { openCheckpoint } from './train/checkpoint.ts'
export type { CheckpointFile } from './train/checkpoint.ts'
export { uniformLayerMap } from './train/hidden.ts'
export type { HiddenOptions } from './train/hidden.ts'
export { firstOrderImportance, softLabels } from './train/importance.ts'
export type { ImportanceOptions } from './train/importance.ts'
export { initializeModel } from './train/initialize.ts'
export { Diverged, trainClassifier } from './train/loop.ts'
export type {
  Checkpoint,
  TrainExample,
  TrainOptions,
  TrainProgress,
  TrainResult,
  ValidationScore,
} from './train/options.ts'
export { piecePairs } from './train/pieces.ts'
export type { PieceDropout } from './train/pieces.ts'
export { scheduleAt } from './train/schedule.ts'
export type { Masks, MaskSchedule } from './train/schedule.ts'
export type { TrainState } from './train/state.ts'
export { layerMap, studentFrom } from './train/student.ts'
export type { Student, StudentOptions, StudentSize } from './train/student.ts'
