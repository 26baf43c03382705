// Made by scripts/generate-assembly.ts from kernels/wasm/abi.ts, which says what each number means; do not edit.

export const ABORT_ADDRESS: usize = 1152
export const ACTIVATION_NONE: i32 = 0
export const ACTIVATION_GELU: i32 = 1
export const ACTIVATION_TANH: i32 = 2
export const ACTIVATION_RELU: i32 = 3
export const ACTIVATION_GELU_TANH: i32 = 4
export const ACTIVATION_SILU: i32 = 5
export const ARENA_ADDRESS: usize = 8192
export const ARRIVED_ADDRESS: usize = 1024
export const BARRIER: i32 = 1
export const BLOCK_PADDING: i32 = 8
export const BLOCK_TOKENS: i32 = 32
export const CACHE_LINE_BYTES: usize = 64
export const DENSE_ROW_BLOCK: i32 = 192
export const DOT_STRATEGY_I16X8: i32 = 0
export const DOT_STRATEGY_U8: i32 = 1
export const DOT_STRATEGY_S8: i32 = 2
export const END: i32 = 0
export const EPILOGUE_PLAIN: i32 = 0
export const EPILOGUE_GELU: i32 = 1
export const EPILOGUE_TANH: i32 = 2
export const EPILOGUE_GELU_BACKWARD: i32 = 3
export const EPILOGUE_ADD: i32 = 4
export const EPILOGUE_TANH_BACKWARD: i32 = 5
export const EPILOGUE_GELU_TANH: i32 = 6
export const EPILOGUE_GELU_TANH_BACKWARD: i32 = 7
export const EPILOGUE_SILU: i32 = 8
export const EPILOGUE_SILU_BACKWARD: i32 = 9
export const EPILOGUE_RELU: i32 = 10
export const EPILOGUE_RELU_BACKWARD: i32 = 11
export const GENERATION_ADDRESS: usize = 1088
export const GRADIENT_GROUPS: i32 = 16
export const GRADIENT_TOKENS: i32 = 512
export const I16_TILE_ROWS: i32 = 5
export const INFERENCE_DATA_ADDRESS: usize = 6144
export const JOB_RUN: i32 = 1
export const JOB_LISTEN: i32 = 2
export const JOB_KIND_ADDRESS: usize = 1284
export const JOB_MODULE_ADDRESS: usize = 1288
export const JOB_SCRATCH_BYTES_ADDRESS: usize = 1300
export const JOB_SCRATCH_ADDRESS: usize = 1296
export const JOB_TAPE_ADDRESS: usize = 1292
export const JOB_ADDRESS: usize = 1280
export const K_STEP: i32 = 8
export const LINK_SOFTMAX: i32 = 0
export const LINK_SIGMOID: i32 = 1
export const LINK_IDENTITY: i32 = 2
export const MAX_THREADS: i32 = 64
export const PANEL: i32 = 8
export const PANEL_BYTES: usize = 32
export const PANEL_SHIFT: i32 = 3
export const RECORD_HEAD: i32 = 2
export const RETURNED_ADDRESS: usize = 1304
export const SCALE_STEP: i32 = 16
export const SPARSE_GROUP: i32 = 64
export const STALL_SECONDS_ADDRESS: usize = 1216
export const SUM_CHUNK: i32 = 4096
export const THREADS_ADDRESS: usize = 1344
export const THREAD_WORDS: i32 = 16
export const TILE_BYTES: usize = 192
export const TILE_COLUMN_BYTES: usize = 24
export const TILE_ROWS: i32 = 6
export const TRAINING_DATA_ADDRESS: usize = 7168
export const TRAINING_GROUP_BYTES: usize = 262144
export const TRAINING_ROW_BLOCK: i32 = 96
export const WIDE_TILE: i32 = 16
export const ZEROS_ADDRESS: usize = 0

// The records: each opcode, and the record's words as a class. changetype<DenseMatmulRecord>(address).K reads one.

export const ADAMW: i32 = 17
// @ts-ignore: decorator
@unmanaged
export class AdamwRecord {
  head: u32
  length: u32
  count: i32
  p: usize
  g: usize
  m: usize
  v: usize
  settings: usize
  factor: usize
  decay: f32
}

export const ADAMW_ROWS: i32 = 18
// @ts-ignore: decorator
@unmanaged
export class AdamwRowsRecord {
  head: u32
  length: u32
  rows: i32
  C: i32
  ids: usize
  p: usize
  g: usize
  m: usize
  v: usize
  settings: usize
  factor: usize
  decay: f32
}

export const ATTENTION: i32 = 11
// @ts-ignore: decorator
@unmanaged
export class AttentionRecord {
  head: u32
  length: u32
  B: i32
  H: i32
  D: i32
  longest: i32
  isFirstOnly: i32
  leastI16: i32
  P: i32
  offsets: usize
  q: usize
  k: usize
  v: usize
  y: usize
  bias: usize
}

export const ATTENTION_BACKWARD: i32 = 4
// @ts-ignore: decorator
@unmanaged
export class AttentionBackwardRecord {
  head: u32
  length: u32
  B: i32
  H: i32
  D: i32
  longest: i32
  biasStride: i32
  continues: i32
  offsets: usize
  qkv: usize
  bias: usize
  dO: usize
  dqkv: usize
  dbias: usize
}

export const ATTENTION_FORWARD: i32 = 3
// @ts-ignore: decorator
@unmanaged
export class AttentionForwardRecord {
  head: u32
  length: u32
  B: i32
  H: i32
  D: i32
  longest: i32
  biasStride: i32
  offsets: usize
  qkv: usize
  bias: usize
  o: usize
}

export const CLIP_FACTOR: i32 = 16
// @ts-ignore: decorator
@unmanaged
export class ClipFactorRecord {
  head: u32
  length: u32
  count: i32
  partials: usize
  out: usize
  most: f32
}

export const CSR_MATMUL: i32 = 6
// @ts-ignore: decorator
@unmanaged
export class CsrMatmulRecord {
  head: u32
  length: u32
  M: i32
  K: i32
  N: i32
  kBlocks: i32
  activation: i32
  isBlocked: i32
  x: usize
  rowOffsets: usize
  columns: usize
  values: usize
  bias: usize
  residual: usize
  y: usize
}

export const DENSE_MATMUL: i32 = 1
// @ts-ignore: decorator
@unmanaged
export class DenseMatmulRecord {
  head: u32
  length: u32
  M: i32
  K: i32
  N: i32
  tile: i32
  activation: i32
  x: usize
  w: usize
  bias: usize
  residual: usize
  y: usize
}

export const DISTANCE_BIAS: i32 = 23
// @ts-ignore: decorator
@unmanaged
export class DistanceBiasRecord {
  head: u32
  length: u32
  H: i32
  longest: i32
  stride: i32
  positions: i32
  table: usize
  rowOf: usize
  bias: usize
}

export const DISTANCE_GRADIENT: i32 = 24
// @ts-ignore: decorator
@unmanaged
export class DistanceGradientRecord {
  head: u32
  length: u32
  B: i32
  H: i32
  longest: i32
  stride: i32
  positions: i32
  buckets: i32
  rowOf: usize
  dbias: usize
  dTable: usize
}

export const DROP: i32 = 12
// @ts-ignore: decorator
@unmanaged
export class DropRecord {
  head: u32
  length: u32
  M: i32
  C: i32
  key: i32
  x: usize
  y: usize
  keep: f32
}

export const EMBED: i32 = 5
// @ts-ignore: decorator
@unmanaged
export class EmbedRecord {
  head: u32
  length: u32
  M: i32
  C: i32
  ids: usize
  places: usize
  kinds: usize
  word: usize
  position: usize
  type: usize
  y: usize
}

export const EMBEDDING: i32 = 9
// @ts-ignore: decorator
@unmanaged
export class EmbeddingRecord {
  head: u32
  length: u32
  M: i32
  C: i32
  B: i32
  offsets: usize
  ids: usize
  types: usize
  word: usize
  wordScales: usize
  wordOffsets: usize
  position: usize
  positionScales: usize
  positionOffsets: usize
  type: usize
  typeScales: usize
  typeOffsets: usize
  gamma: usize
  beta: usize
  y: usize
  epsilon: f32
}

export const FAKE_ROWS: i32 = 19
// @ts-ignore: decorator
@unmanaged
export class FakeRowsRecord {
  head: u32
  length: u32
  rows: i32
  K: i32
  x: usize
  y: usize
}

export const FAKE_TABLE: i32 = 21
// @ts-ignore: decorator
@unmanaged
export class FakeTableRecord {
  head: u32
  length: u32
  rows: i32
  C: i32
  ids: usize
  table: usize
  y: usize
}

export const FAKE_WEIGHTS: i32 = 20
// @ts-ignore: decorator
@unmanaged
export class FakeWeightsRecord {
  head: u32
  length: u32
  rows: i32
  K: i32
  x: usize
  y: usize
}

export const FIRST_TOKEN: i32 = 12
// @ts-ignore: decorator
@unmanaged
export class FirstTokenRecord {
  head: u32
  length: u32
  B: i32
  C: i32
  isBlocked: i32
  x: usize
  offsets: usize
  y: usize
}

export const GATHER_FIRST: i32 = 10
// @ts-ignore: decorator
@unmanaged
export class GatherFirstRecord {
  head: u32
  length: u32
  B: i32
  C: i32
  x: usize
  offsets: usize
  y: usize
}

export const INT8_BLOCK_MATMUL: i32 = 7
// @ts-ignore: decorator
@unmanaged
export class Int8BlockMatmulRecord {
  head: u32
  length: u32
  M: i32
  K: i32
  N: i32
  kBlocks: i32
  activation: i32
  strategy: i32
  a: usize
  rowOffsets: usize
  columns: usize
  values: usize
  start: usize
  wScale: usize
  bias: usize
  residual: usize
  y: usize
}

export const INT8_MATMUL: i32 = 3
// @ts-ignore: decorator
@unmanaged
export class Int8MatmulRecord {
  head: u32
  length: u32
  M: i32
  K: i32
  N: i32
  tile: i32
  activation: i32
  a: usize
  w: usize
  start: usize
  wScale: usize
  bias: usize
  residual: usize
  y: usize
}

export const LAYERNORM: i32 = 10
// @ts-ignore: decorator
@unmanaged
export class LayernormRecord {
  head: u32
  length: u32
  M: i32
  C: i32
  x: usize
  residual: usize
  gamma: usize
  beta: usize
  y: usize
  epsilon: f32
}

export const LAYERNORM_BACKWARD: i32 = 8
// @ts-ignore: decorator
@unmanaged
export class LayernormBackwardRecord {
  head: u32
  length: u32
  M: i32
  C: i32
  xKey: i32
  yKey: i32
  dy: usize
  gamma: usize
  normal: usize
  rstd: usize
  dz: usize
  dx: usize
  keep: f32
}

export const LAYERNORM_BLOCKED: i32 = 14
// @ts-ignore: decorator
@unmanaged
export class LayernormBlockedRecord {
  head: u32
  length: u32
  M: i32
  C: i32
  x: usize
  residual: usize
  gamma: usize
  beta: usize
  y: usize
  epsilon: f32
}

export const LAYERNORM_FORWARD: i32 = 7
// @ts-ignore: decorator
@unmanaged
export class LayernormForwardRecord {
  head: u32
  length: u32
  M: i32
  C: i32
  xKey: i32
  yKey: i32
  x: usize
  residual: usize
  gamma: usize
  beta: usize
  normal: usize
  rstd: usize
  y: usize
  epsilon: f32
  keep: f32
}

export const LAYERNORM_GRADIENT: i32 = 9
// @ts-ignore: decorator
@unmanaged
export class LayernormGradientRecord {
  head: u32
  length: u32
  M: i32
  C: i32
  continues: i32
  dy: usize
  normal: usize
  dgamma: usize
  dbeta: usize
}

export const LOSS_SLOPE: i32 = 13
// @ts-ignore: decorator
@unmanaged
export class LossSlopeRecord {
  head: u32
  length: u32
  B: i32
  labels: i32
  link: i32
  logits: usize
  target: usize
  teacher: usize
  d: usize
  teacherLogits: usize
  hardShare: f32
  softShare: f32
  inverseT: f32
  squareShare: f32
}

export const MASK_GRADIENT: i32 = 14
// @ts-ignore: decorator
@unmanaged
export class MaskGradientRecord {
  head: u32
  length: u32
  count: i32
  mask: usize
  gradient: usize
}

export const MEAN_POOL: i32 = 13
// @ts-ignore: decorator
@unmanaged
export class MeanPoolRecord {
  head: u32
  length: u32
  B: i32
  C: i32
  isNormalized: i32
  x: usize
  offsets: usize
  y: usize
}

export const MEAN_ROWS: i32 = 25
// @ts-ignore: decorator
@unmanaged
export class MeanRowsRecord {
  head: u32
  length: u32
  B: i32
  C: i32
  x: usize
  offsets: usize
  y: usize
}

export const MEAN_ROWS_SLOPE: i32 = 26
// @ts-ignore: decorator
@unmanaged
export class MeanRowsSlopeRecord {
  head: u32
  length: u32
  B: i32
  C: i32
  dy: usize
  offsets: usize
  dx: usize
}

export const MULTIPLY: i32 = 1
// @ts-ignore: decorator
@unmanaged
export class MultiplyRecord {
  head: u32
  length: u32
  M: i32
  K: i32
  N: i32
  aStride: i32
  isByRows: i32
  epilogue: i32
  yStride: i32
  a: usize
  weights: usize
  bias: usize
  other: usize
  y: usize
}

export const NM_MATMUL: i32 = 8
// @ts-ignore: decorator
@unmanaged
export class NmMatmulRecord {
  head: u32
  length: u32
  M: i32
  K: i32
  N: i32
  P: i32
  panelsPerList: i32
  activation: i32
  isBlocked: i32
  x: usize
  indices: usize
  values: usize
  bias: usize
  residual: usize
  y: usize
}

export const QUANTIZE_COLUMNS: i32 = 5
// @ts-ignore: decorator
@unmanaged
export class QuantizeColumnsRecord {
  head: u32
  length: u32
  M: i32
  K: i32
  strategy: i32
  source: usize
  sourceScales: usize
  target: usize
  scale: f32
  inverse: f32
}

export const QUANTIZE_ROWS: i32 = 2
// @ts-ignore: decorator
@unmanaged
export class QuantizeRowsRecord {
  head: u32
  length: u32
  M: i32
  K: i32
  strategy: i32
  source: usize
  sourceScales: usize
  target: usize
  scale: f32
  inverse: f32
}

export const REQUANTIZE_ROWS: i32 = 15
// @ts-ignore: decorator
@unmanaged
export class RequantizeRowsRecord {
  head: u32
  length: u32
  M: i32
  K: i32
  source: usize
  target: usize
  targetScales: usize
  scale: f32
  inverse: f32
}

export const SCATTER: i32 = 6
// @ts-ignore: decorator
@unmanaged
export class ScatterRecord {
  head: u32
  length: u32
  M: i32
  C: i32
  wordRows: i32
  positionRows: i32
  typeRows: i32
  slots: usize
  places: usize
  kinds: usize
  dx: usize
  dWord: usize
  dPosition: usize
  dType: usize
}

export const SCATTER_FIRST: i32 = 11
// @ts-ignore: decorator
@unmanaged
export class ScatterFirstRecord {
  head: u32
  length: u32
  B: i32
  C: i32
  dy: usize
  offsets: usize
  dx: usize
}

export const STATE_SLOPE: i32 = 22
// @ts-ignore: decorator
@unmanaged
export class StateSlopeRecord {
  head: u32
  length: u32
  count: i32
  isAdded: i32
  p: usize
  t: usize
  d: usize
  partials: usize
  factor: f32
}

export const SUM_SQUARES: i32 = 15
// @ts-ignore: decorator
@unmanaged
export class SumSquaresRecord {
  head: u32
  length: u32
  count: i32
  x: usize
  partials: usize
}

export const TRANSPOSE: i32 = 4
// @ts-ignore: decorator
@unmanaged
export class TransposeRecord {
  head: u32
  length: u32
  M: i32
  K: i32
  x: usize
  target: usize
}

export const VECTOR_SLOPE: i32 = 27
// @ts-ignore: decorator
@unmanaged
export class VectorSlopeRecord {
  head: u32
  length: u32
  B: i32
  C: i32
  p: usize
  t: usize
  d: usize
  losses: usize
  factor: f32
}

export const WEIGHT_GRADIENT: i32 = 2
// @ts-ignore: decorator
@unmanaged
export class WeightGradientRecord {
  head: u32
  length: u32
  M: i32
  N: i32
  K: i32
  dyStride: i32
  continues: i32
  dy: usize
  x: usize
  dw: usize
  db: usize
}
