// dense-matmul, variant 6x8.   Y[M,N] f32 = activation(X[M,K] f32 . W[N,K]^T f32 + bias[N]) + residual[M,N]
// Contract   kernels/dense-matmul/contract.ts      Twin  shaders/dense-matmul.*.wgsl
// Layout     X, Y, residual row-major; W in panels [ceil(N / 8)][K][8], columns past N zero; bias padded to 8 with zeros
// Plan       a thread owns a range of panels; per panel and K block, B (256 x 8 x 4 = 8 KiB) stays in L1 while up to 192
//            rows pass, so W comes from memory once for so many rows; their sums wait in scratch between K blocks.
//            WebAssembly has no prefetch: a few loads before each tile bring the next block of W nearer
// Needs      scratch of 192 * 32 + 64 bytes per thread
// Source     own derivation

import { finishTile } from './lib/epilogue'
import { TILE_ROWS, tileBegin, tileCount, tileF32 } from './lib/tile-f32'
import { pointer, sliceBegin, word } from './tape'

/** Rows that pass a panel before the next one is taken. */
const ROW_BLOCK: i32 = 192
const K_BLOCK: i32 = 256
/** From so many tiles on, a tile's share of the next block is 8 lines at most: more at once would be waited for. */
const TOUCH_TILES: i32 = 16

/** Loads a word of each cache line of [from, to); what it returns only keeps the loads alive. */
// @ts-ignore: decorator
@inline
function touch(from: usize, to: usize): i32 {
  let seen = 0
  for (; from < to; from += 64) seen ^= load<i32>(from)
  return seen
}

/** Record: M, K, N, x, w, bias (0: none), activation, residual (0: none), y */
export function denseMatmul(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const M = word(record, 0), K = word(record, 1), N = word(record, 2)
  const x = pointer(record, 3), w = pointer(record, 4), bias = pointer(record, 5)
  const activation = word(record, 6)
  const residual = pointer(record, 7), y = pointer(record, 8)
  const panels = (N + 7) >> 3
  const first = sliceBegin(panels, thread, threads), last = sliceBegin(panels, thread + 1, threads)
  const wEnd = w + <usize>last * (<usize>K << 5)
  const xStride = <usize>K << 2, yStride = <usize>N << 2
  const blocks = tileCount(M, ROW_BLOCK)
  for (let block = 0; block < blocks; block++) {
    const m0 = tileBegin(M, blocks, block)
    const rows = tileBegin(M, blocks, block + 1) - m0
    const tiles = tileCount(rows, TILE_ROWS)
    const touched: usize = tiles < TOUCH_TILES ? 0 : (<usize>((K_BLOCK << 5) / tiles) + 63) & ~63
    const xBlock = x + <usize>m0 * xStride
    for (let panel = first; panel < last; panel++) {
      const b = w + <usize>panel * (<usize>K << 5)
      for (let k = 0; k < K; k += K_BLOCK) {
        const depth = min(K_BLOCK, K - k)
        const isLast = k + depth == K
        let ahead = b + (<usize>(k + depth) << 5)
        for (let t = 0; t < tiles; t++) {
          const m = tileBegin(rows, tiles, t)
          const tileRows = tileBegin(rows, tiles, t + 1) - m
          const sums = scratch + (<usize>m << 5)
          if (touched != 0) {
            store<i32>(scratch + (<usize>ROW_BLOCK << 5), touch(ahead, min(ahead + touched, wEnd)))
            ahead += touched
          }
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
