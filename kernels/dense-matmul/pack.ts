// Panels of eight outputs, the layout of assembly/dense-matmul.ts:
//
//   W [N, K] row-major            packed [ceil(N / 8)][K][8]
//   n0: k0 k1 k2 ...              panel 0: n0k0 n1k0 .. n7k0  n0k1 n1k1 .. n7k1  ...
//   n1: k0 k1 k2 ...              panel 1: n8k0 n9k0 ..       outputs past N are zero

export const PANEL = 8

export function panelElements(N: number, K: number): number {
  return Math.ceil(N / PANEL) * PANEL * K
}

/** Packs W [N, K] into `packed` [ceil(N / 8)][K][8], every element of which is written. */
export function packPanels<T extends Float32Array | Int32Array | Int16Array>(
  W: T,
  N: number,
  K: number,
  packed: T,
): void {
  for (let panel = 0; panel * PANEL < N; panel++)
    for (let c = 0; c < PANEL; c++) {
      const n = panel * PANEL + c
      const target = panel * K * PANEL + c
      if (n < N) for (let k = 0; k < K; k++) packed[target + k * PANEL] = W[n * K + k]
      else for (let k = 0; k < K; k++) packed[target + k * PANEL] = 0
    }
}

/** W [N, K] from its panels. */
export function unpackPanels(packed: Float32Array, N: number, K: number): Float32Array {
  const W = new Float32Array(N * K)
  for (let n = 0; n < N; n++)
    for (let k = 0; k < K; k++) W[n * K + k] = packed[(Math.floor(n / PANEL) * K + k) * PANEL + (n % PANEL)]
  return W
}
