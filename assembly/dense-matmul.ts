// dense-matmul.   Y[M,N] f32 = activation(X[M,K] f32 . W[N,K]^T f32 + bias[N]) + residual[M,N]
// Contract   kernels/dense-matmul/contract.ts      Tiles  kernels/dense-matmul/variants.ts
// Layout     X, Y, residual row-major; W in panels [ceil(N / columns)][K][columns] of the tile's columns, those past N
//            zero; bias padded with zeros to whole panels
// Plan       a thread owns a range of panels; per panel and K block, B (8 KiB at most) stays in L1 while up to 192 rows
//            pass, so W comes from memory once for so many rows; their sums [rows][columns] wait in scratch between K blocks.
//            WebAssembly has no prefetch: a few loads before each tile bring the next block of W nearer. More than eight
//            lines at once would be waited for, so that a block is as long as its tiles can fetch
// Needs      scratch: the sums of a row block and a cache line per thread (kernels/dense-matmul/wasm.ts)
// Source     own derivation

import { CACHE_LINE_BYTES, DENSE_ROW_BLOCK, DenseMatmulRecord, PANEL, PANEL_BYTES } from './abi'
import { finishTile } from './lib/epilogue'
import { finishWide } from './lib/epilogue-wide'
import { touch } from './lib/panels'
import { WIDE } from './lib/simd'
import { tileBegin, tileCount } from './lib/tile-f32'
import { sliceBegin } from './tape'
import { denseTileColumns, denseTileRows, runDenseTile } from './tiles'

const K_BLOCK: i32 = 256
/** Of the next block, loaded before each tile. */
const TOUCHED: usize = 8 * CACHE_LINE_BYTES
/** Fewer tiles read W as they go: one alone, and those of two panels, whose own loads run ahead as far. */
const TOUCH_TILES: i32 = 2
const TOUCH_WIDE_TILES: i32 = 12

export function denseMatmul(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const args = changetype<DenseMatmulRecord>(record)
  const M = args.M, K = args.K, N = args.N
  const x = args.x, w = args.w, bias = args.bias
  const tile = args.tile, activation = args.activation
  const residual = args.residual, y = args.y
  const columns = denseTileColumns(tile), mostRows = denseTileRows(tile)
  /** of one number for each column of a panel */
  const lineBytes = <usize>columns << 2
  const panels = <i32>(<u32>(N + columns - 1) / columns)
  const first = sliceBegin(panels, thread, threads), last = sliceBegin(panels, thread + 1, threads)
  const wEnd = w + <usize>last * (<usize>K * lineBytes)
  const xStride = <usize>K << 2, yStride = <usize>N << 2
  const blocks = tileCount(M, DENSE_ROW_BLOCK)
  for (let block = 0; block < blocks; block++) {
    const m0 = tileBegin(M, blocks, block)
    const rows = tileBegin(M, blocks, block + 1) - m0
    const tiles = tileCount(rows, mostRows)
    let kBlock = K_BLOCK
    let touched: usize = 0
    if (tiles >= (columns > PANEL ? TOUCH_WIDE_TILES : TOUCH_TILES)) {
      kBlock = min(K_BLOCK, <i32>(TOUCHED / lineBytes) * tiles)
      touched = (<usize>kBlock * lineBytes / <usize>tiles + CACHE_LINE_BYTES - 1) & -CACHE_LINE_BYTES
    }
    const xBlock = x + <usize>m0 * xStride
    for (let panel = first; panel < last; panel++) {
      const b = w + <usize>panel * (<usize>K * lineBytes)
      for (let k = 0; k < K; k += kBlock) {
        const depth = min(kBlock, K - k)
        const isLast = k + depth == K
        let ahead = b + <usize>(k + depth) * lineBytes
        for (let t = 0; t < tiles; t++) {
          const m = tileBegin(rows, tiles, t)
          const tileRows = tileBegin(rows, tiles, t + 1) - m
          const sums = scratch + <usize>m * lineBytes
          if (touched != 0) {
            store<i32>(scratch + <usize>DENSE_ROW_BLOCK * lineBytes, touch(ahead, min(ahead + touched, wEnd)))
            ahead += touched
          }
          runDenseTile(
            tile, tileRows, xBlock + <usize>m * xStride + (<usize>k << 2), xStride,
            b + <usize>k * lineBytes, depth, sums, k > 0,
          )
          if (isLast) {
            const n = <usize>panel * lineBytes
            const at = <usize>(m0 + m) * yStride + n
            const left = N - panel * columns
            if (WIDE && columns > PANEL && left >= columns) finishWide(
              true, tileRows, sums, 0, 0, bias != 0 ? bias + n : 0, activation, residual != 0 ? residual + at : 0, y + at, yStride,
            )
            else finishTile(
              tileRows, sums, lineBytes, bias != 0 ? bias + n : 0, activation,
              residual != 0 ? residual + at : 0, y + at, yStride, min(PANEL, left),
            )
            if (columns > PANEL && left > PANEL && !(WIDE && left >= columns)) finishTile(
              tileRows, sums + PANEL_BYTES, lineBytes, bias != 0 ? bias + n + PANEL_BYTES : 0, activation,
              residual != 0 ? residual + at + PANEL_BYTES : 0, y + at + PANEL_BYTES, yStride, min(PANEL, left - PANEL),
            )
          }
        }
      }
    }
  }
}
