// int8-matmul.
//   Y[M,N] f32 = activation(f32(A[M,K] . W[N,K]^T) * (aScale[M] * wScale[N]) + bias[N]) + residual[M,N]
// Contract   kernels/int8-matmul/contract.ts      Tiles  kernels/int8-matmul/variants.ts
// Layout     A as quantize.ts writes it; W in panels of the tile's columns (kernels/int8-matmul/pack.ts)
// Plan       a thread owns a range of panels; a panel (K = 768: 6 KiB) stays in L1 while up to 90 rows of A pass
// Needs      K padded to 8; scratch for the sums of a tile per thread
// Source     own derivation; zero point: sum (q + 128) w = sum q w + 128 sum w, so the sums of u8 start at -128 sum w

import { Int8MatmulRecord, PANEL, PANEL_BYTES } from './abi'
import { finishTile, scaleTile } from './lib/epilogue'
import { padToStep } from './lib/panels'
import { tileBegin, tileCount } from './lib/tile-f32'
import { scalesBytes } from './quantize'
import { sliceBegin } from './tape'
import { int8TileColumns, int8TileRows, int8TileShift, runInt8Tile } from './tiles'

/** Rows that pass a panel before the next panel is taken: whole tiles of 5 and of 6 rows. */
const ROW_BLOCK: i32 = 90

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
  const aStride = padded << int8TileShift(tile), panelBytes = padded * columns
  const a = aScale + scalesBytes(M)
  const panels = <i32>(<u32>(N + columns - 1) / columns)
  const first = sliceBegin(panels, thread, threads), last = sliceBegin(panels, thread + 1, threads)
  const yStride = <usize>N << 2
  for (let m0 = 0; m0 < M; m0 += ROW_BLOCK) {
    const rows = min(ROW_BLOCK, M - m0)
    const tiles = tileCount(rows, mostRows)
    for (let panel = first; panel < last; panel++) {
      const b = w + <usize>panel * panelBytes
      const n = <usize>panel * lineBytes
      for (let t = 0; t < tiles; t++) {
        const m = m0 + tileBegin(rows, tiles, t)
        const count = m0 + tileBegin(rows, tiles, t + 1) - m
        runInt8Tile(tile, count, a + <usize>m * aStride, aStride, b, b + panelBytes, start + n, scratch)
        const scales = aScale + (<usize>m << 2), at = <usize>m * yStride + n
        const left = N - panel * columns
        scaleTile(count, scratch, lineBytes, scales, wScale + n)
        finishTile(
          count, scratch, lineBytes, bias != 0 ? bias + n : 0, activation,
          residual != 0 ? residual + at : 0, y + at, yStride, min(PANEL, left),
        )
        if (columns > PANEL && left > PANEL) {
          scaleTile(count, scratch + PANEL_BYTES, lineBytes, scales, wScale + n + PANEL_BYTES)
          finishTile(
            count, scratch + PANEL_BYTES, lineBytes, bias != 0 ? bias + n + PANEL_BYTES : 0, activation,
            residual != 0 ? residual + at + PANEL_BYTES : 0, y + at + PANEL_BYTES, yStride, min(PANEL, left - PANEL),
          )
        }
      }
    }
  }
}
