// dense-matmul, variant 6x8.   Y[M,N] f32 = activation(X[M,K] f32 . W[N,K]^T f32 + bias[N]) + residual[M,N]
// Contract   kernels/dense-matmul/contract.ts      Twin  shaders/dense-matmul.*.wgsl
// Layout     X, Y, residual row-major; W in panels [ceil(N / 8)][K][8], columns past N zero; bias padded to 8 with zeros
// Plan       a thread owns a range of panels; per panel and K block, B (512 x 8 x 4 = 16 KiB) stays in L1 while the
//            rows pass; sums of up to 96 rows wait in scratch between K blocks
// Needs      scratch of 96 * 32 bytes per thread
// Source     own derivation

import { finishTile } from './lib/epilogue'
import { TILE_ROWS, tileBegin, tileCount, tileF32 } from './lib/tile-f32'
import { pointer, sliceBegin, word } from './tape'

/** Rows that pass a panel before the next one is taken: 16 tiles; X of that many rows stays in L2. */
const ROW_BLOCK: i32 = 96
/** K block. */
const K_BLOCK: i32 = 512

/** Record: M, K, N, x, w, bias (0: none), activation, residual (0: none), y */
export function denseMatmul(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const M = word(record, 0), K = word(record, 1), N = word(record, 2)
  const x = pointer(record, 3), w = pointer(record, 4), bias = pointer(record, 5)
  const activation = word(record, 6)
  const residual = pointer(record, 7), y = pointer(record, 8)
  const panels = (N + 7) >> 3
  const first = sliceBegin(panels, thread, threads), last = sliceBegin(panels, thread + 1, threads)
  const xStride = <usize>K << 2, yStride = <usize>N << 2
  for (let m0 = 0; m0 < M; m0 += ROW_BLOCK) {
    const rows = min(ROW_BLOCK, M - m0)
    const tiles = tileCount(rows, TILE_ROWS)
    const xBlock = x + <usize>m0 * xStride
    for (let panel = first; panel < last; panel++) {
      const b = w + <usize>panel * (<usize>K << 5)
      for (let k = 0; k < K; k += K_BLOCK) {
        const depth = min(K_BLOCK, K - k)
        const isLast = k + depth == K
        for (let t = 0; t < tiles; t++) {
          const m = tileBegin(rows, tiles, t)
          const tileRows = tileBegin(rows, tiles, t + 1) - m
          const sums = scratch + (<usize>m << 5)
          tileF32(
            tileRows, xBlock + <usize>m * xStride + (<usize>k << 2), xStride,
            b + (<usize>k << 5), depth, sums, k > 0,
          )
          if (isLast) {
            const at = <usize>(m0 + m) * yStride + (<usize>panel << 5)
            finishTile(
              tileRows, sums, bias != 0 ? bias + (<usize>panel << 5) : 0, activation,
              residual != 0 ? residual + at : 0, y + at, yStride, min(8, N - (panel << 3)),
            )
          }
        }
      }
    }
  }
}
