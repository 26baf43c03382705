// Panels of eight outputs for the int8 tiles, K padded to 8 with zeros:
//
//   depth 2 (i16x8 way)      [ceil(N / 8)][K / 2][8][2]   panel 0: n0k0 n0k1 n1k0 n1k1 .. n7k0 n7k1  n0k2 n0k3 ...
//   depth 4 (relaxed dot)    [ceil(N / 8)][K / 4][8][4]   panel 0: n0k0 n0k1 n0k2 n0k3 n1k0 ..
//
// i.e. each output's `depth` inputs stand side by side, as the dot instruction wants them.

import { packPanels } from '../dense-matmul/pack.ts'
import type { Int8Path } from '../runtime/wasm/lowering.ts'

const PANEL = 8
const K_STEP = 8

export function paddedInputs(K: number): number {
  return Math.ceil(K / K_STEP) * K_STEP
}

/** Inputs of one output that stand side by side. */
export function packDepth(path: Int8Path): 2 | 4 {
  return path === 'i16x8' ? 2 : 4
}

export function int8PanelBytes(N: number, K: number): number {
  return Math.ceil(N / PANEL) * PANEL * paddedInputs(K)
}

/** Packs W s8 [N, K] into `packed`, every byte of which is written: panels as of f32, of `depth` bytes an element. */
export function packInt8Panels(W: Int8Array, N: number, K: number, depth: 2 | 4, packed: Int8Array): void {
  const inputs = paddedInputs(K)
  let rows = W
  if (inputs !== K || W.byteOffset % depth !== 0) {
    rows = new Int8Array(N * inputs)
    for (let n = 0; n < N; n++) rows.set(W.subarray(n * K, n * K + K), n * inputs)
  }
  const units = ({ buffer, byteOffset, length }: Int8Array): Int16Array | Int32Array =>
    depth === 2 ? new Int16Array(buffer, byteOffset, length / 2) : new Int32Array(buffer, byteOffset, length / 4)
  packPanels(units(rows), N, inputs / depth, units(packed))
}

/** W [N, K] from its panels. */
export function unpackInt8Panels(packed: Int8Array, N: number, K: number, depth: 2 | 4): Int8Array {
  const inputs = paddedInputs(K)
  const W = new Int8Array(N * K)
  for (let n = 0; n < N; n++)
    for (let k = 0; k < K; k++) {
      const column = Math.floor(n / PANEL) * PANEL * inputs + (n % PANEL) * depth
      W[n * K + k] = packed[column + (k - (k % depth)) * PANEL + (k % depth)]
    }
  return W
}

/**
 * Where the i32 sums of each output start: -128 times its weights' sum for u8 activations (which stand 128 too high),
 * else 0. Padded to a multiple of 8 with zeros.
 */
export function startingSums(W: Int8Array, N: number, K: number, path: Int8Path): Int32Array {
  const starts = new Int32Array(Math.ceil(N / PANEL) * PANEL)
  if (path !== 'u8') return starts
  for (let n = 0; n < N; n++) {
    let sum = 0
    for (let k = n * K; k < n * K + K; k++) sum += W[k]
    starts[n] = -128 * sum
  }
  return starts
}
