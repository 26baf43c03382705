// Training: `compact-kernels/train`.

export { initializeModel } from './initialize.ts'
export { scheduleAt, trainClassifier } from './loop.ts'
export type { TrainExample, TrainOptions, TrainProgress, TrainResult, ValidationScore } from './options.ts'
