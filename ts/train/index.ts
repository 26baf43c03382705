// Training: `compact-kernels/train`.

export type { FakeQuantize } from '../../kernels/train/fake-quantize.ts'
export { calibrate } from './calibrate.ts'
export type { CalibrateOptions } from './calibrate.ts'
export { uniformLayerMap } from './hidden.ts'
export type { HiddenOptions } from './hidden.ts'
export { firstOrderImportance, softLabels } from './importance.ts'
export type { ImportanceOptions } from './importance.ts'
export { initializeModel } from './initialize.ts'
export { Diverged, scheduleAt, trainClassifier } from './loop.ts'
export type { TrainExample, TrainOptions, TrainProgress, TrainResult, ValidationScore } from './options.ts'
