// Panels of outputs for the int8 tiles, here of eight columns, K padded to K_STEP = 8 with zeros:
//
//   depth 2 (i16x8)          [ceil(N / 8)][K / 2][8][2]   panel 0: n0k0 n0k1 n1k0 n1k1 .. n7k0 n7k1  n0k2 n0k3 ...
//   depth 4 (relaxed dot)    [ceil(N / 8)][K / 4][8][4]   panel 0: n0k0 n0k1 n0k2 n0k3 n1k0 ..
//
// i.e. `depth` inputs of each output are side by side, as the dot instruction wants them.

import { packWords, placeOf } from '../dense-matmul/pack.ts'
import { K_STEP, PANEL, type DotStrategy } from '../wasm/abi.ts'

export function paddedInputs(K: number): number {
  return Math.ceil(K / K_STEP) * K_STEP
}

/** Inputs of one output that the dot of a strategy takes. */
export function packDepth(strategy: DotStrategy): 2 | 4 {
  return strategy === 'i16x8' ? 2 : 4
}

/** How a tile wants its weights: outputs of a panel, inputs of one output that are side by side. */
export interface Int8Panels {
  columns: number
  depth: 2 | 4
}

export function int8PanelBytes(N: number, K: number, columns: number): number {
  return Math.ceil(N / columns) * columns * paddedInputs(K)
}

/** Packs W s8 [N, K] into `packed`, every byte of which is written: panels as of f32, of `depth` bytes an element. */
export function packInt8Panels(
  W: Int8Array,
  N: number,
  K: number,
  { columns, depth }: Int8Panels,
  packed: Int8Array,
): void {
  const inputs = paddedInputs(K)
  let rows = W
  if (inputs !== K || W.byteOffset % depth !== 0) {
    rows = new Int8Array(N * inputs)
    for (let n = 0; n < N; n++) rows.set(W.subarray(n * K, n * K + K), n * inputs)
  }
  const words = ({ buffer, byteOffset, length }: Int8Array): Int32Array =>
    new Int32Array(buffer, byteOffset, length / 4)
  if (depth === 4) packWords(words(rows), N, inputs / 4, columns, words(packed))
  else packPairs(new Int16Array(rows.buffer, rows.byteOffset, rows.length / 2), N, inputs / 2, columns, words(packed))
}

/** Panels of pairs of inputs, two outputs to a word. */
function packPairs(W: Int16Array, N: number, K: number, columns: number, packed: Int32Array): void {
  const none = new Int16Array(K)
  const row = (n: number): Int16Array => (n < N ? W.subarray(n * K, n * K + K) : none)
  const padded = Math.ceil(N / columns) * columns
  for (let n = 0; n < padded; n += PANEL) {
    const [w0, w1, w2, w3] = [row(n), row(n + 1), row(n + 2), row(n + 3)]
    const [w4, w5, w6, w7] = [row(n + 4), row(n + 5), row(n + 6), row(n + 7)]
    let at = placeOf(n, K, columns) / 2
    for (let k = 0; k < K; k++, at += columns / 2) {
      packed[at] = (w0[k] & 0xffff) | (w1[k] << 16)
      packed[at + 1] = (w2[k] & 0xffff) | (w3[k] << 16)
      packed[at + 2] = (w4[k] & 0xffff) | (w5[k] << 16)
      packed[at + 3] = (w6[k] & 0xffff) | (w7[k] << 16)
    }
  }
}

/** W [N, K] from its panels. */
export function unpackInt8Panels(packed: Int8Array, N: number, K: number, { columns, depth }: Int8Panels): Int8Array {
  const inputs = paddedInputs(K)
  const W = new Int8Array(N * K)
  for (let n = 0; n < N; n++)
    for (let k = 0; k < K; k++) {
      const first = placeOf(n, inputs / depth, columns) * depth
      W[n * K + k] = packed[first + (k - (k % depth)) * columns + (k % depth)]
    }
  return W
}

/**
 * Where the i32 sums of each output start: -128 times its weights' sum for u8 activations (which are 128 too high),
 * else 0. Padded with zeros to whole panels.
 */
export function startingSums(W: Int8Array, N: number, K: number, columns: number, strategy: DotStrategy): Int32Array {
  const starts = new Int32Array(Math.ceil(N / columns) * columns)
  if (strategy !== 'u8') return starts
  for (let n = 0; n < N; n++) {
    let sum = 0
    for (let k = n * K; k < n * K + K; k++) sum += W[k]
    starts[n] = -128 * sum
  }
  return starts
}
