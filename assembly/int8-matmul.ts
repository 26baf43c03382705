// int8-matmul.
//   Y[M,N] f32 = activation(f32(A[M,K] . W[N,K]^T) * (aScale[M] * wScale[N]) + bias[N]) + residual[M,N]
// Contract   kernels/int8-matmul/contract.ts      Tiles  kernels/int8-matmul/variants.ts
// Layout     A as quantize.ts writes it; W in panels of the tile's columns (kernels/int8-matmul/pack.ts)
// Plan       a thread owns a range of panels; a panel (K = 768: 6 KiB) stays in L1 while the rows of a block pass. Tiles of one
//            panel store Y themselves; what is left is an activation, or a last panel with fewer columns. The sums of tiles of
//            two panels go through scratch: their lines are finished whole (lib/epilogue-wide.ts).
//            WebAssembly has no prefetch: where the dot of bytes is so fast that panels are waited for, a few loads before each
//            tile bring the next one nearer
// Needs      K padded to 8; scratch for the sums of a tile per thread, and a Finish
// Source     own derivation; zero point: sum (q + 128) w = sum q w + 128 sum w, so the sums of u8 start at -128 sum w

import { ACTIVATION_NONE, CACHE_LINE_BYTES, Int8MatmulRecord, PANEL, PANEL_BYTES } from './abi'
import { finishTile, scaleTile } from './lib/epilogue'
import { finishWide } from './lib/epilogue-wide'
import { beginPanel, Finish, FINISH_BYTES } from './lib/finish'
import { padToStep, touch } from './lib/panels'
import { WIDE } from './lib/simd'
import { tileBegin, tileCount } from './lib/tile-f32'
import { scalesBytes } from './quantize'
import { sliceBegin } from './tape'
import { int8TileColumns, int8TileRows, int8TileShift, runInt8Tile } from './tiles'

/** Rows that pass a panel before the next panel is taken: of bytes twice as many stay in an L2 cache. */
const ROW_BLOCK: i32 = 96
const ROW_BLOCK_OF_BYTES: i32 = 192
/** Fewer tiles would have to fetch so many lines of the next panel each that these are waited for, as are those of two panels. */
const TOUCH_TILES: i32 = 8
/** Of the next panel, loaded before each tile; more where the tiles are few. */
const LEAST_TOUCHED: usize = 512

export function int8Matmul(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const args = changetype<Int8MatmulRecord>(record)
  const M = args.M, K = args.K, N = args.N
  const aScale = args.a
  const w = args.w, start = args.start, wScale = args.wScale, bias = args.bias
  const tile = args.tile, activation = args.activation
  const residual = args.residual, y = args.y
  const columns = int8TileColumns(tile), mostRows = int8TileRows(tile)
  /** of one number for each column of a panel */
  const lineBytes = <usize>columns << 2
  const padded = <usize>padToStep(K)
  const shift = int8TileShift(tile)
  const aStride = padded << shift, panelBytes = padded * columns
  const a = aScale + scalesBytes(M)
  const panels = <i32>(<u32>(N + columns - 1) / columns)
  const first = sliceBegin(panels, thread, threads), last = sliceBegin(panels, thread + 1, threads)
  const yStride = <usize>N << 2
  const finish = changetype<Finish>(scratch), sums = scratch + FINISH_BYTES
  const wEnd = w + <usize>last * panelBytes
  const blocks = tileCount(M, shift == 0 ? ROW_BLOCK_OF_BYTES : ROW_BLOCK)
  for (let block = 0; block < blocks; block++) {
    const m0 = tileBegin(M, blocks, block)
    const rows = tileBegin(M, blocks, block + 1) - m0
    const tiles = tileCount(rows, mostRows)
    let touched: usize = 0
    if (shift == 0 && columns == PANEL && tiles >= TOUCH_TILES)
      touched = max((panelBytes / <usize>tiles + CACHE_LINE_BYTES - 1) & -CACHE_LINE_BYTES, LEAST_TOUCHED)
    for (let panel = first; panel < last; panel++) {
      const b = w + <usize>panel * panelBytes
      const n = <usize>panel * lineBytes
      const left = N - panel * columns
      const isPlain = left >= PANEL && activation == ACTIVATION_NONE
      beginPanel(finish, bias != 0 ? bias + n : 0, wScale + n, isPlain && residual != 0, isPlain ? yStride : PANEL_BYTES)
      let ahead = b + panelBytes
      const aheadEnd = min(ahead + panelBytes, wEnd)
      for (let t = 0; t < tiles; t++) {
        if (touched != 0) {
          finish.seen = touch(ahead, min(ahead + touched, aheadEnd))
          ahead += touched
        }
        const m = m0 + tileBegin(rows, tiles, t)
        const count = m0 + tileBegin(rows, tiles, t + 1) - m
        const scales = aScale + (<usize>m << 2), at = <usize>m * yStride + n
        const to = y + at, added = residual != 0 ? residual + at : 0
        if (columns == PANEL) {
          finish.aScale = scales
          finish.y = isPlain ? to : sums
          if (isPlain) finish.residual = added
        }
        runInt8Tile(tile, count, a + <usize>m * aStride, aStride, b, b + panelBytes, start + n, columns == PANEL ? scratch : sums)
        if (columns == PANEL) {
          if (!isPlain) finishTile(count, sums, PANEL_BYTES, 0, activation, added, to, yStride, min(PANEL, left))
          continue
        }
        if (WIDE && left >= columns) {
          finishWide(true, count, sums, scales, wScale + n, bias != 0 ? bias + n : 0, activation, added, to, yStride)
          continue
        }
        scaleTile(count, sums, lineBytes, scales, wScale + n)
        finishTile(count, sums, lineBytes, bias != 0 ? bias + n : 0, activation, added, to, yStride, min(PANEL, left))
        if (left > PANEL) {
          scaleTile(count, sums + PANEL_BYTES, lineBytes, scales, wScale + n + PANEL_BYTES)
          finishTile(
            count, sums + PANEL_BYTES, lineBytes, bias != 0 ? bias + n + PANEL_BYTES : 0, activation,
            added != 0 ? added + PANEL_BYTES : 0, to + PANEL_BYTES, yStride, min(PANEL, left - PANEL),
          )
        }
      }
    }
  }
}
