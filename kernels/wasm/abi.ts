// What kernels/ and assembly/ agree on, each number once: how memory is divided, the records of a tape, the codes in them,
// and the sizes that packing and inner loops share. scripts/generate-assembly.ts writes assembly/abi.ts from this file:
//
//   NAME = 8                     export const NAME: i32 = 8                 *_BYTES, *_ADDRESS: usize
//   NAME_WORD = 256              export const NAME_ADDRESS: usize = 1024    an index of i32 words becomes an address
//   NAME = { one: 1, two: 2 }    export const NAME_ONE: i32 = 1 ...
//   NAME = { opcode: 1, ... }    export const NAME: i32 = 1, and a class NameRecord with the fields
//
// Letters: M rows (tokens), K inputs, N outputs; B sequences, T tokens of one, C hidden size, H heads, D head size.

import { ACTIVATION_CODE } from '../program/activations.ts'

// ---- Memory, from address 0: zeros, the control block, static data of the modules, the arena.

/**
 * 1 KiB that nobody writes: what sums start from that nothing is added to.
 * @public read by assembly/ alone
 */
export const ZEROS_ADDRESS = 0
/** Threads that wait in the current barrier. */
export const ARRIVED_WORD = 256
/** Counts the barriers that were passed. Waiting threads watch it. */
export const GENERATION_WORD = 272
/** 1 where a thread trapped or stalled: all threads leave the tape. */
export const ABORT_WORD = 288
/** Seconds without progress of any thread after which a waiting thread gives up. */
export const STALL_SECONDS_WORD = 304
/** Number of the job; idle workers watch it. The words of a job are for JavaScript alone, the modules do not read them. */
export const JOB_WORD = 320
export const JOB_KIND_WORD = 321
export const JOB_MODULE_WORD = 322
export const JOB_TAPE_WORD = 323
export const JOB_SCRATCH_WORD = 324
/** bytes of scratch per thread */
export const JOB_SCRATCH_BYTES_WORD = 325
/** How often a worker came back from a job, summed over all workers. */
export const RETURNED_WORD = 326
/** The words of thread 0: the number of the record that it is in (from 1), then 1 where it may sleep. */
export const THREADS_WORD = 336
/** Words from one thread to the next: a cache line, so that threads do not share one. */
export const THREAD_WORDS = 16
/** 64 threads end below the static data. */
export const MAX_THREADS = 64

/** Kinds of job: walk the tape; leave the wait for jobs and take messages. */
export const JOB = { run: 1, listen: 2 } as const

/** Static data of each module. Both modules may be in one memory. */
export const INFERENCE_DATA_ADDRESS = 6144
export const TRAINING_DATA_ADDRESS = 7168
/** First byte that the arena hands out. */
export const ARENA_ADDRESS = 8192

/** Alignment of what the arena hands out, and of each thread's scratch. */
export const CACHE_LINE_BYTES = 64

// ---- The tape: records of i32 words. Word 0 is opcode | flags << 16, word 1 the length of the record in words.

/** Words before the fields. */
export const RECORD_HEAD = 2
/** Flag of word 0: all threads meet before this record. */
export const BARRIER = 1
/** Opcode of the end of a tape. */
export const END = 0

// ---- Codes

/** Number of the first tile of the wide module, above those of all others. */
export const WIDE_TILE = 16

/** What a linear layer applies to its sums. */
export const ACTIVATION = ACTIVATION_CODE

/**
 * What a product of training does with Y. `other` is a buffer of the shape of Y. plain: Y. add: Y + other. gelu, geluTanh, silu:
 * f(Y), and Y itself to `other`. tanh, relu: f(Y). geluBackward, geluTanhBackward, siluBackward: Y f'(other), other being what f
 * was of. tanhBackward, reluBackward: Y f', other being what f gave.
 */
export const EPILOGUE = {
  plain: 0,
  gelu: 1,
  tanh: 2,
  geluBackward: 3,
  add: 4,
  tanhBackward: 5,
  geluTanh: 6,
  geluTanhBackward: 7,
  silu: 8,
  siluBackward: 9,
  relu: 10,
  reluBackward: 11,
} as const

/** What the loss reads logits as (kernels/train/batch.ts). */
export const LINK = { softmax: 0, sigmoid: 1, identity: 2 } as const

/**
 * How int8 products are summed. i16x8: activations as i16, i32x4.dot_i16x8_s, exact on every engine. u8 and s8: relaxed
 * dot on engines where a probe showed it exact for u8 activations (the value + 128) or s8 activations.
 */
export const DOT_STRATEGY = { i16x8: 0, u8: 1, s8: 2 } as const
export type DotStrategy = keyof typeof DOT_STRATEGY

// ---- Sizes that packing and inner loops share

/** Outputs of a panel: two vectors of four. Tiles of dense and int8 layers may have wider panels, of two times PANEL. */
export const PANEL = 8
/** log2 of PANEL. @public for assembly/ alone */
export const PANEL_SHIFT = 3
/** One f32 for each output of a panel. */
export const PANEL_BYTES = 32
/** K of int8 rows and panels is padded to a multiple of it. */
export const K_STEP = 8
/** Scales before quantized rows are padded to a multiple of so many rows: one cache line. */
export const SCALE_STEP = 16

/** Rows of the largest f32 tile, which attention, n:m and training use; of the i16 tile of attention. */
export const TILE_ROWS = 6
/** Rows of attention's i16 tile. @public for assembly/ alone */
export const I16_TILE_ROWS = 5
/** Sums of the largest tile; one f32 for each of its rows. */
export const TILE_BYTES = 192
export const TILE_COLUMN_BYTES = 24
/** Rows that pass a dense panel before the next panel is taken. */
export const DENSE_ROW_BLOCK = 192

/** Tokens of the widest token block. */
export const BLOCK_TOKENS = 32
/** Token blocks hold at most so many tokens more than there are. */
export const BLOCK_PADDING = 8
/** Outputs whose sums wait in scratch while the blocks of K pass. */
export const SPARSE_GROUP = 64

/** Elements of one partial sum of squares. */
export const SUM_CHUNK = 4096
/** Training: rows that pass a group of panels, bytes of such a group (half of a small L2). */
export const TRAINING_ROW_BLOCK = 96
export const TRAINING_GROUP_BYTES = 262144
/** Gradients of weights: tokens of a block, and groups of TILE_ROWS outputs of a block. */
export const GRADIENT_TOKENS = 512
export const GRADIENT_GROUPS = 16

// ---- Records. An address of 0 means that the operand is not there, where a comment allows it.

/** The fields of a record, in the order integers, addresses, reals: one word each. */
export interface RecordLayout {
  opcode: number
  integers: readonly string[]
  addresses: readonly string[]
  reals?: readonly string[]
}

/** tile: number of the tile, whose panels w is packed in (tileNumber of variant.ts). residual: 0 for none. */
export const DENSE_MATMUL = {
  opcode: 1,
  integers: ['M', 'K', 'N', 'tile', 'activation'],
  addresses: ['x', 'w', 'bias', 'residual', 'y'],
} as const

/** f32 rows, or s8 rows with `sourceScales` (else 0). A calibrated `scale` and its inverse, or 0 for a scale per row. */
export const QUANTIZE_ROWS = {
  opcode: 2,
  integers: ['M', 'K', 'strategy'],
  addresses: ['source', 'sourceScales', 'target'],
  reals: ['scale', 'inverse'],
} as const

/** a: scales, then rows, as QUANTIZE_ROWS writes them. start: i32, where the sums of each output begin. */
export const INT8_MATMUL = {
  opcode: 3,
  integers: ['M', 'K', 'N', 'tile', 'activation'],
  addresses: ['a', 'w', 'start', 'wScale', 'bias', 'residual', 'y'],
} as const

/** f32 rows x [M, K] into token blocks. */
export const TRANSPOSE = { opcode: 4, integers: ['M', 'K'], addresses: ['x', 'target'] } as const

/** As QUANTIZE_ROWS, into token blocks; K % 4 == 0. */
export const QUANTIZE_COLUMNS = { ...QUANTIZE_ROWS, opcode: 5 } as const

/** rowOffsets u32 [kBlocks][N + 1], columns u16 [Z], values f32 [Z]. Where y is in token blocks, residual is 0. */
export const CSR_MATMUL = {
  opcode: 6,
  integers: ['M', 'K', 'N', 'kBlocks', 'activation', 'isBlocked'],
  addresses: ['x', 'rowOffsets', 'columns', 'values', 'bias', 'residual', 'y'],
} as const

/** Offsets and columns count 1x4 blocks; values s8 or i16 [Zb][4]; a: scales, then token blocks. */
export const INT8_BLOCK_MATMUL = {
  opcode: 7,
  integers: ['M', 'K', 'N', 'kBlocks', 'activation', 'strategy'],
  addresses: ['a', 'rowOffsets', 'columns', 'values', 'start', 'wScale', 'bias', 'residual', 'y'],
} as const

/** P inputs kept per output; indices u16 [lists][P], values f32 [ceil(N / 8)][P][8]. */
export const NM_MATMUL = {
  opcode: 8,
  integers: ['M', 'K', 'N', 'P', 'panelsPerList', 'activation', 'isBlocked'],
  addresses: ['x', 'indices', 'values', 'bias', 'residual', 'y'],
} as const

/** A table is f32 [rows, C], or u8 with f32 scales and offsets per row; the scales of an f32 table are at address 0. */
export const EMBEDDING = {
  opcode: 9,
  integers: ['M', 'C', 'B'],
  addresses: [
    'offsets',
    'ids',
    'types',
    'word',
    'wordScales',
    'wordOffsets',
    'position',
    'positionScales',
    'positionOffsets',
    'type',
    'typeScales',
    'typeOffsets',
    'gamma',
    'beta',
    'y',
  ],
  reals: ['epsilon'],
} as const

export const LAYERNORM = {
  opcode: 10,
  integers: ['M', 'C'],
  addresses: ['x', 'residual', 'gamma', 'beta', 'y'],
  reals: ['epsilon'],
} as const

/**
 * longest: tokens of the longest sequence. isFirstOnly: of each sequence the first row of y alone is written. leastI16: T
 * from which a sequence is computed in integers, 0 for never. bias: f32 [H, 2 P - 1], sqrt(D) times what is added to a score,
 * or 0; with it leastI16 is 0.
 */
export const ATTENTION = {
  opcode: 11,
  integers: ['B', 'H', 'D', 'longest', 'isFirstOnly', 'leastI16', 'P'],
  addresses: ['offsets', 'q', 'k', 'v', 'y', 'bias'],
} as const

/** isBlocked: x is in token blocks. */
export const FIRST_TOKEN = { opcode: 12, integers: ['B', 'C', 'isBlocked'], addresses: ['x', 'offsets', 'y'] } as const

export const MEAN_POOL = { opcode: 13, integers: ['B', 'C', 'isNormalized'], addresses: ['x', 'offsets', 'y'] } as const

/** As LAYERNORM, with x, residual and y in token blocks. */
export const LAYERNORM_BLOCKED = { ...LAYERNORM, opcode: 14 } as const

/** f32 rows into s8 rows [M, K] and f32 scales [M], as callers have them; scale and inverse as for QUANTIZE_ROWS. */
export const REQUANTIZE_ROWS = {
  opcode: 15,
  integers: ['M', 'K'],
  addresses: ['source', 'target', 'targetScales'],
  reals: ['scale', 'inverse'],
} as const

// ---- Records of the training module, which counts its opcodes from 1 again

/** isByRows: weights are [K, N], else [N, K]. Strides are elements from row to row; yStride is that of `other` too. */
export const MULTIPLY = {
  opcode: 1,
  integers: ['M', 'K', 'N', 'aStride', 'isByRows', 'epilogue', 'yStride'],
  addresses: ['a', 'weights', 'bias', 'other', 'y'],
} as const

/** db: 0 where it is not wanted. continues: dw is added to what is stored there (1), db is (2), both (3). */
export const WEIGHT_GRADIENT = {
  opcode: 2,
  integers: ['M', 'N', 'K', 'dyStride', 'continues'],
  addresses: ['dy', 'x', 'dw', 'db'],
} as const

/** bias: f32 [H] rows of biasStride, what scores get by key - query + longest - 1; 0 for none. */
export const ATTENTION_FORWARD = {
  opcode: 3,
  integers: ['B', 'H', 'D', 'longest', 'biasStride'],
  addresses: ['offsets', 'qkv', 'bias', 'o'],
} as const

/** dbias: f32 [B, H] rows of biasStride, a sequence's and head's own gradients of its bias, added where `continues`. */
export const ATTENTION_BACKWARD = {
  opcode: 4,
  integers: ['B', 'H', 'D', 'longest', 'biasStride', 'continues'],
  addresses: ['offsets', 'qkv', 'bias', 'dO', 'dqkv', 'dbias'],
} as const

/** type: 0 for none. */
export const EMBED = {
  opcode: 5,
  integers: ['M', 'C'],
  addresses: ['ids', 'places', 'kinds', 'word', 'position', 'type', 'y'],
} as const

/** dType: 0 for none. */
export const SCATTER = {
  opcode: 6,
  integers: ['M', 'C', 'wordRows', 'positionRows', 'typeRows'],
  addresses: ['slots', 'places', 'kinds', 'dx', 'dWord', 'dPosition', 'dType'],
} as const

/** A dropout key of 0: nothing is dropped. */
export const LAYERNORM_FORWARD = {
  opcode: 7,
  integers: ['M', 'C', 'xKey', 'yKey'],
  addresses: ['x', 'residual', 'gamma', 'beta', 'normal', 'rstd', 'y'],
  reals: ['epsilon', 'keep'],
} as const

/** dx: 0 where it is not wanted. */
export const LAYERNORM_BACKWARD = {
  opcode: 8,
  integers: ['M', 'C', 'xKey', 'yKey'],
  addresses: ['dy', 'gamma', 'normal', 'rstd', 'dz', 'dx'],
  reals: ['keep'],
} as const

/** continues: what is found is added to what is stored there. */
export const LAYERNORM_GRADIENT = {
  opcode: 9,
  integers: ['M', 'C', 'continues'],
  addresses: ['dy', 'normal', 'dgamma', 'dbeta'],
} as const

export const GATHER_FIRST = { opcode: 10, integers: ['B', 'C'], addresses: ['x', 'offsets', 'y'] } as const
export const SCATTER_FIRST = { opcode: 11, integers: ['B', 'C'], addresses: ['dy', 'offsets', 'dx'] } as const
export const DROP = { opcode: 12, integers: ['M', 'C', 'key'], addresses: ['x', 'y'], reals: ['keep'] } as const

/** link: a code of LINK. teacher, teacherLogits: 0 for none. */
export const LOSS_SLOPE = {
  opcode: 13,
  integers: ['B', 'labels', 'link'],
  addresses: ['logits', 'target', 'teacher', 'd', 'teacherLogits'],
  reals: ['hardShare', 'softShare', 'inverseT', 'squareShare'],
} as const

export const MASK_GRADIENT = { opcode: 14, integers: ['count'], addresses: ['mask', 'gradient'] } as const
export const SUM_SQUARES = { opcode: 15, integers: ['count'], addresses: ['x', 'partials'] } as const
export const CLIP_FACTOR = { opcode: 16, integers: ['count'], addresses: ['partials', 'out'], reals: ['most'] } as const

/** settings: five f32. decay: 1 - rate * decay. factor: address of an f32 that multiplies the gradient. */
export const ADAMW = {
  opcode: 17,
  integers: ['count'],
  addresses: ['p', 'g', 'm', 'v', 'settings', 'factor'],
  reals: ['decay'],
} as const

export const ADAMW_ROWS = {
  opcode: 18,
  integers: ['rows', 'C'],
  addresses: ['ids', 'p', 'g', 'm', 'v', 'settings', 'factor'],
  reals: ['decay'],
} as const

export const FAKE_ROWS = { opcode: 19, integers: ['rows', 'K'], addresses: ['x', 'y'] } as const
export const FAKE_WEIGHTS = { ...FAKE_ROWS, opcode: 20 } as const
export const FAKE_TABLE = { opcode: 21, integers: ['rows', 'C'], addresses: ['ids', 'table', 'y'] } as const

export const STATE_SLOPE = {
  opcode: 22,
  integers: ['count', 'isAdded'],
  addresses: ['p', 't', 'd', 'partials'],
  reals: ['factor'],
} as const

/** bias [H] rows of stride = table[rowOf[key - query + positions - 1]][h] for distances up to longest - 1. */
export const DISTANCE_BIAS = {
  opcode: 23,
  integers: ['H', 'longest', 'stride', 'positions'],
  addresses: ['table', 'rowOf', 'bias'],
} as const

/** dTable [buckets, H] from the gradients of the sequences' biases, as ATTENTION_BACKWARD leaves them. */
export const DISTANCE_GRADIENT = {
  opcode: 24,
  integers: ['B', 'H', 'longest', 'stride', 'positions', 'buckets'],
  addresses: ['rowOf', 'dbias', 'dTable'],
} as const

/** y [B, C] = means of the rows x [M, C] of each sequence. */
export const MEAN_ROWS = { opcode: 25, integers: ['B', 'C'], addresses: ['x', 'offsets', 'y'] } as const

/** dx [M, C] = dy [B, C] of its sequence, divided by the sequence's tokens. */
export const MEAN_ROWS_SLOPE = { opcode: 26, integers: ['B', 'C'], addresses: ['dy', 'offsets', 'dx'] } as const

/** p, t, d [B, C], rows of t of length 1: d = -factor * d cos(p, t) / dp; losses f64 [B] = 1 - cos(p, t). */
export const VECTOR_SLOPE = {
  opcode: 27,
  integers: ['B', 'C'],
  addresses: ['p', 't', 'd', 'losses'],
  reals: ['factor'],
} as const
