// compact-kernels/worker: pipelines in a worker, so that nothing freezes.

export { pipeline } from './worker/pipeline.ts'
export type { WorkerModel, WorkerPipelineOptions } from './worker/pipeline.ts'
export type {
  CallOptions,
  Classification,
  ClassifyOptions,
  EntityGroup,
  ExtractOptions,
  FeatureExtractor,
  Features,
  PipelineInfo,
  TextClassifier,
  TextInput,
  TextPair,
  TokenClassifier,
  TokenClassifyOptions,
  TokenEntity,
  WarmupOptions,
  ZeroShotClassifier,
  ZeroShotOptions,
  ZeroShotResult,
} from './pipeline/pipeline.ts'
export type { SentModel } from './worker/protocol.ts'
