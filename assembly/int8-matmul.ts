// int8-matmul, variants i16 5x8 and relaxed 6x8.
//   Y[M,N] f32 = activation(f32(A[M,K] . W[N,K]^T) * (aScale[M] * wScale[N]) + bias[N]) + residual[M,N]
// Contract   kernels/int8-matmul/contract.ts      Twin  shaders/int8-matmul.*.wgsl
// Layout     A as quantize.ts writes it; W in panels of 8 outputs (kernels/int8-matmul/pack.ts)
// Plan       a thread owns a range of panels; a panel (K = 768: 6 KiB) stays in L1 while up to 96 rows of A pass
// Needs      K padded to 8; scratch of 192 bytes per thread
// Source     own derivation; zero point: sum (q + 128) w = sum q w + 128 sum w, so the u8 way starts at -128 sum w

import { Int8MatmulRecord, I16_TILE_ROWS, PANEL, PANEL_BYTES } from './abi'
import { finishTile, scaleTile } from './lib/epilogue'
import { padToStep, panelCount } from './lib/panels'
import { RELAXED } from './lib/simd'
import { tileBegin, tileCount } from './lib/tile-f32'
import { tileInt8I16 } from './lib/tile-int8-i16'
import { RELAXED_TILE_ROWS, tileInt8Relaxed } from './lib/tile-int8-relaxed'
import { scalesBytes } from './quantize'
import { sliceBegin } from './tape'

const ROW_BLOCK: i32 = 90

export function int8Matmul(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const args = changetype<Int8MatmulRecord>(record)
  const M = args.M, K = args.K, N = args.N
  const aScale = args.a
  const w = args.w, start = args.start, wScale = args.wScale, bias = args.bias
  const activation = args.activation
  const residual = args.residual, y = args.y
  const isRelaxed = RELAXED && args.strategy != 0
  const padded = <usize>padToStep(K)
  const aStride = isRelaxed ? padded : padded << 1
  const a = aScale + scalesBytes(M)
  const panels = panelCount(N)
  const first = sliceBegin(panels, thread, threads), last = sliceBegin(panels, thread + 1, threads)
  const yStride = <usize>N << 2
  const tileRows = isRelaxed ? RELAXED_TILE_ROWS : I16_TILE_ROWS
  for (let m0 = 0; m0 < M; m0 += ROW_BLOCK) {
    const rows = min(ROW_BLOCK, M - m0)
    const tiles = tileCount(rows, tileRows)
    for (let panel = first; panel < last; panel++) {
      const b = w + <usize>panel * padded * PANEL
      const n = <usize>panel * PANEL_BYTES
      for (let t = 0; t < tiles; t++) {
        const m = m0 + tileBegin(rows, tiles, t)
        const count = m0 + tileBegin(rows, tiles, t + 1) - m
        const row = a + <usize>m * aStride
        if (isRelaxed) tileInt8Relaxed(count, row, aStride, b, b + padded * PANEL, start + n, scratch)
        else tileInt8I16(count, row, aStride, b, b + padded * PANEL, start + n, scratch)
        scaleTile(count, scratch, aScale + (<usize>m << 2), wScale + n)
        const at = <usize>m * yStride + n
        finishTile(
          count, scratch, bias != 0 ? bias + n : 0, activation,
          residual != 0 ? residual + at : 0, y + at, yStride, min(PANEL, N - panel * PANEL),
        )
      }
    }
  }
}
