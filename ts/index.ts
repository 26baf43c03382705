// compact-kernels: the public API. GPU code is behind `pipeline({ device })` and `compact-kernels/webgpu`.

export { pipeline } from './pipeline/pipeline.ts'
export type {
  CallOptions,
  Classification,
  ClassifyOptions,
  EntityGroup,
  ExtractOptions,
  FeatureExtractor,
  Features,
  PipelineInfo,
  PipelineModel,
  PipelineOptions,
  TextClassifier,
  TextInput,
  TextPair,
  TokenClassifier,
  TokenClassifyOptions,
  TokenEntity,
  ZeroShotClassifier,
  ZeroShotOptions,
  ZeroShotResult,
} from './pipeline/pipeline.ts'
export { createKernelCalls } from './pipeline/kernel-calls.ts'
export { forgetDevices, openDevice } from './inference/devices.ts'
export type { DeviceChoice, DeviceOptions } from './inference/devices.ts'
export * from './wasm.ts'

export { buildProgram } from './model/bert.ts'
export type { ModelOutput, ProgramOptions } from './model/bert.ts'
export { PRESETS } from './model/config.ts'
export type { BertConfig, Preset } from './model/config.ts'
export type { TextPreparation } from './text/preparation.ts'
export { inspectFiles, inspectModel, inspectSource, recipeLedger } from './recipe/ledger.ts'
export type { InspectOptions, Ledger, LedgerGroup } from './recipe/ledger.ts'
export { loadModel, loadModelFiles, openModel } from './model/load.ts'
export type { LoadedModel, LoadModelOptions, OpenedModel, OpenModelOptions } from './model/load.ts'
export { encodeModel, saveModel } from './model/save.ts'
export type { SaveOptions } from './model/save.ts'
export type { EncoderLayer, LinearLayer, ModelWeights, Norm, StoredModel } from './model/weights.ts'
export { memoryFiles } from './io/folder.ts'
export type { ModelFiles, Progress, ProgressEvent } from './io/folder.ts'
export { encodeOnnx, exportOnnx } from './onnx/export.ts'
export type { OnnxOptions } from './onnx/export.ts'
export { tokenizerFromVocabulary } from './text/bare-vocabulary.ts'
export { tokenizerFromJson } from './text/tokenizer.ts'
export type { PairEncoding, Tokenizer } from './text/tokenizer.ts'
export type { LoadOptions, SessionMemory } from '../kernels/program/device.ts'
export type { Activation, BufferSpec, Op } from '../kernels/program/program.ts'
export type { WasmDevice } from '../kernels/wasm/device.ts'
export type { EmbeddedModules } from '../kernels/wasm/embedded.ts'
export type { SoftwareChoice } from '../kernels/webgpu/software-choice.ts'
export type { LabelScore } from './inference/classifier.ts'
export type { ModelInMemory } from './inference/text-model.ts'
export type { ByteSource } from './io/safetensors.ts'
export type { ModelShape, TensorGroup } from './model/shape.ts'
export type { Embeddings } from './model/weights.ts'
export type { TokenizerOptions, TokenizerParts } from './text/tokenizer.ts'
