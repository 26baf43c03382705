// compact-kernels/transformers: the names of transformers.js for what this package computes. docs/transformers-js.md has
// what is the same, what is different and what is absent.

export { env } from './transformers/env.ts'
export type { Environment } from './transformers/env.ts'
export { cos_sim, dot, magnitude, mean_pooling, quantize_embeddings, softmax } from './transformers/maths.ts'
export {
  AutoModel,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
} from './transformers/models.ts'
export type { ModelInputs, PretrainedConfig, PreTrainedModel } from './transformers/models.ts'
export type { Dtype } from './transformers/dtype.ts'
export type { ModelOptions, PretrainedOptions } from './transformers/options.ts'
export { pipeline } from './transformers/pipeline.ts'
export type {
  FeatureExtractionOptions,
  FeatureExtractionPipeline,
  TextClassificationOptions,
  TextClassificationPipeline,
  TokenClassificationPipeline,
  ZeroShotClassificationPipeline,
} from './transformers/pipeline.ts'
export type { ProgressCallback, ProgressInfo } from './transformers/progress.ts'
export { Tensor } from './transformers/tensor.ts'
export type { Nested, Slice, TensorData, TensorType } from './transformers/tensor.ts'
export { AutoTokenizer } from './transformers/tokenizer.ts'
export type { DecodeOptions, Encodings, PreTrainedTokenizer, TokenizerCallOptions } from './transformers/tokenizer.ts'
export type { KeptFiles } from './io/kept-files.ts'
