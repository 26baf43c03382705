// Layouts of the sparse weights for assembly/sparse-matmul.ts.
//
//   csr         as it comes: rowOffsets u32 [N + 1], columns u16 [Z], values f32 [Z]
//   int8-1x4    rowOffsets u32 [N + 1] and columns u16 [Zb] in blocks; values s8 [Zb][4] for relaxed dot, or widened to
//               i16 [Zb][4] for the i16x8 way, which would else widen each block once per 32 tokens
//   nm          values in panels [ceil(N / 8)][P][8] like dense f32; indices u16 [lists][P] as they come

import type { NmWeight } from '../runtime/weights.ts'

const PANEL = 8

export function nmPanelElements(weight: NmWeight): number {
  return Math.ceil(weight.N / PANEL) * PANEL * inputsKept(weight)
}

/** P: inputs kept per output. */
export function inputsKept({ K, n, m }: NmWeight): number {
  return (K / m) * n
}

/** Packs values f32 [N, P] into `packed` [ceil(N / 8)][P][8], outputs past N zero. */
export function packNmPanels(weight: NmWeight, packed: Float32Array): void {
  const P = inputsKept(weight)
  packed.fill(0)
  for (let n = 0; n < weight.N; n++) {
    const target = Math.floor(n / PANEL) * P * PANEL + (n % PANEL)
    for (let p = 0; p < P; p++) packed[target + p * PANEL] = weight.values[n * P + p]
  }
}

/** values [N, P] from their panels. */
export function unpackNmPanels(packed: Float32Array, N: number, P: number): Float32Array {
  const values = new Float32Array(N * P)
  for (let n = 0; n < N; n++)
    for (let p = 0; p < P; p++) values[n * P + p] = packed[(Math.floor(n / PANEL) * P + p) * PANEL + (n % PANEL)]
  return values
}
