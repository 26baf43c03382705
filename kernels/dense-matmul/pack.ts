// Panels of outputs, the layout of assembly/dense-matmul.ts, here of eight columns; the variant says how many:
//
//   W [N, K] row-major            packed [ceil(N / 8)][K][8]
//   n0: k0 k1 k2 ...              panel 0: n0k0 n1k0 .. n7k0  n0k1 n1k1 .. n7k1  ...
//   n1: k0 k1 k2 ...              panel 1: n8k0 n9k0 ..       outputs past N are zero

import { PANEL } from '../wasm/abi.ts'

/** @param columns outputs of a panel: PANEL or a multiple of it */
export function panelElements(N: number, K: number, columns: number): number {
  return Math.ceil(N / columns) * columns * K
}

/** Packs W [N, K] into `packed` [ceil(N / columns)][K][columns], every element of which is written. */
export function packPanels(W: Float32Array, N: number, K: number, columns: number, packed: Float32Array): void {
  packWords(wordsOf(W), N, K, columns, wordsOf(packed))
}

const wordsOf = ({ buffer, byteOffset, length }: Float32Array): Int32Array => new Int32Array(buffer, byteOffset, length)

/**
 * The same for any elements of four bytes. Of one type of array only: where engines saw several, each access takes three
 * times as long.
 */
export function packWords(W: Int32Array, N: number, K: number, columns: number, packed: Int32Array): void {
  const none = new Int32Array(K)
  const row = (n: number): Int32Array => (n < N ? W.subarray(n * K, n * K + K) : none)
  const padded = Math.ceil(N / columns) * columns
  for (let n = 0; n < padded; n += PANEL) {
    const [w0, w1, w2, w3] = [row(n), row(n + 1), row(n + 2), row(n + 3)]
    const [w4, w5, w6, w7] = [row(n + 4), row(n + 5), row(n + 6), row(n + 7)]
    let at = placeOf(n, K, columns)
    for (let k = 0; k < K; k++, at += columns) {
      packed[at] = w0[k]
      packed[at + 1] = w1[k]
      packed[at + 2] = w2[k]
      packed[at + 3] = w3[k]
      packed[at + 4] = w4[k]
      packed[at + 5] = w5[k]
      packed[at + 6] = w6[k]
      packed[at + 7] = w7[k]
    }
  }
}

/** Where the first element of output n is, in panels of K elements of each output. */
export function placeOf(n: number, K: number, columns: number): number {
  return Math.floor(n / columns) * columns * K + (n % columns)
}

/** W [N, K] from its panels. */
export function unpackPanels(packed: Float32Array, N: number, K: number, columns: number): Float32Array {
  const W = new Float32Array(N * K)
  for (let n = 0; n < N; n++) for (let k = 0; k < K; k++) W[n * K + k] = packed[placeOf(n, K, columns) + k * columns]
  return W
}
