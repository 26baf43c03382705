// Opcodes and epilogues of the training module, as assembly/train.ts and assembly/train/linear.ts have them.

export const MULTIPLY = 1
export const WEIGHT_GRADIENT = 2
export const ATTENTION_FORWARD = 3
export const ATTENTION_BACKWARD = 4
export const EMBED = 5
export const SCATTER = 6
export const LAYERNORM_FORWARD = 7
export const LAYERNORM_BACKWARD = 8
export const LAYERNORM_GRADIENT = 9
export const GATHER_FIRST = 10
export const SCATTER_FIRST = 11
export const DROP = 12
export const LOSS_SLOPE = 13
export const MASK_GRADIENT = 14
export const SUM_SQUARES = 15
export const CLIP_FACTOR = 16
export const ADAMW = 17
export const ADAMW_ROWS = 18
export const FAKE_ROWS = 19
export const FAKE_WEIGHTS = 20
export const FAKE_TABLE = 21
export const STATE_SLOPE = 22

/** Y as it is. */
export const PLAIN = 0
/** gelu(Y), and Y itself to a buffer of its own. */
export const GELU = 1
export const TANH = 2
/** Y gelu'(other) */
export const GELU_BACKWARD = 3
/** Y + other */
export const ADD = 4
/** Y (1 - other^2) */
export const TANH_BACKWARD = 5

/** Elements of one partial sum of squares. */
export const SUM_CHUNK = 4096
