// Linear layers in training: products with weights (forward, and gradients of inputs), and gradients of weights.
// Layout     activations and weights row-major; rows of activations may lie further apart than they are long, so that
//            query, key and value fill their thirds of one buffer; panels are packed into scratch while they are used
// Plan       products with weights: a thread owns a range of panels of eight outputs; a group of panels (256 KiB) is packed,
//            then rows pass in blocks of 96. Gradients of weights: a thread owns a range of groups of six outputs; tokens
//            pass in blocks of 512
// Needs      scratch: kernels/train/scratch.ts. Loads may run up to 32 bytes past a row: regions are padded
// Source     own derivation

import {
  EPILOGUE_ADD, EPILOGUE_GELU, EPILOGUE_GELU_BACKWARD, EPILOGUE_GELU_TANH, EPILOGUE_GELU_TANH_BACKWARD, EPILOGUE_PLAIN,
  EPILOGUE_RELU, EPILOGUE_RELU_BACKWARD, EPILOGUE_SILU, EPILOGUE_SILU_BACKWARD, EPILOGUE_TANH, EPILOGUE_TANH_BACKWARD,
  GRADIENT_GROUPS, GRADIENT_TOKENS, MultiplyRecord, PANEL, PANEL_BYTES, TILE_BYTES, TILE_COLUMN_BYTES, TILE_ROWS,
  TRAINING_GROUP_BYTES, TRAINING_ROW_BLOCK, WeightGradientRecord,
} from '../abi'
import { gelu, geluTanh, silu, tanh } from '../lib/math'
import { panelCount } from '../lib/panels'
import { tileBegin, tileCount, tileF32 } from '../lib/tile-f32'
import { sliceBegin } from '../tape'
import { geluDerivative, geluTanhDerivative, siluDerivative } from './math'
import { packSixes, packStraight, packTransposed } from './pack'
import { tile_f32_transposed_6x8 } from './tile-transposed'

const K_BLOCK: i32 = 512

/**
 * Y[M,N] = epilogue(A[M,K] . B[K,N] + bias[N]); weights[N,K] are the transpose of B, or, where `isByRows`, B itself.
 */
export function multiply(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const args = changetype<MultiplyRecord>(record)
  const M = args.M, K = args.K, N = args.N
  const a = args.a, weights = args.weights
  const isByRows = args.isByRows != 0
  const bias = args.bias
  const epilogue = args.epilogue
  const other = args.other, y = args.y
  const count = panelCount(N)
  const first = sliceBegin(count, thread, threads), last = sliceBegin(count, thread + 1, threads)
  const panelBytes = <usize>K * PANEL_BYTES, aStride = <usize>args.aStride << 2, yStride = <usize>args.yStride << 2
  const groupSize = max(1, <i32>TRAINING_GROUP_BYTES / (K * <i32>PANEL_BYTES))
  const sums = scratch
  const panels = scratch + <usize>TRAINING_ROW_BLOCK * PANEL_BYTES
  for (let group = first; group < last; group += groupSize) {
    const groupEnd = min(last, group + groupSize)
    for (let panel = group; panel < groupEnd; panel++) {
      const n = panel * PANEL
      const to = panels + <usize>(panel - group) * panelBytes
      if (isByRows) packStraight(weights + (<usize>n << 2), <usize>N << 2, min(PANEL, N - n), K, to)
      else packTransposed(weights + (<usize>(n * K) << 2), <usize>K << 2, min(PANEL, N - n), K, to)
    }
    for (let m0 = 0; m0 < M; m0 += TRAINING_ROW_BLOCK) {
      const rows = min(TRAINING_ROW_BLOCK, M - m0)
      const tiles = tileCount(rows, TILE_ROWS)
      for (let panel = group; panel < groupEnd; panel++) {
        const b = panels + <usize>(panel - group) * panelBytes
        const n = panel * PANEL
        for (let k = 0; k < K; k += K_BLOCK) {
          const depth = min(K_BLOCK, K - k)
          for (let t = 0; t < tiles; t++) {
            const m = tileBegin(rows, tiles, t)
            const tileRows = tileBegin(rows, tiles, t + 1) - m
            const from = a + <usize>(m0 + m) * aStride + (<usize>k << 2)
            const tileSums = sums + <usize>m * PANEL_BYTES
            tileF32(tileRows, from, aStride, b + <usize>k * PANEL_BYTES, depth, tileSums, k > 0)
            if (k + depth == K) {
              const at = <usize>(m0 + m) * yStride + (<usize>n << 2)
              const tileBias = bias != 0 ? bias + (<usize>n << 2) : 0
              finish(tileRows, tileSums, tileBias, epilogue, other + at, y + at, yStride, min(PANEL, N - n))
            }
          }
        }
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function transform(v: v128, epilogue: i32, other: usize): v128 {
  switch (epilogue) {
    case EPILOGUE_PLAIN: return v
    case EPILOGUE_GELU: return gelu(v)
    case EPILOGUE_GELU_BACKWARD: return f32x4.mul(v, geluDerivative(v128.load(other)))
    case EPILOGUE_ADD: return f32x4.add(v, v128.load(other))
    default: return transformOther(v, epilogue, other)
  }
}

/** One function for what fewer models have: inlined, it would only be more code. */
function transformOther(v: v128, epilogue: i32, other: usize): v128 {
  switch (epilogue) {
    case EPILOGUE_TANH: return tanh(v)
    case EPILOGUE_TANH_BACKWARD: {
      const t = v128.load(other)
      return f32x4.mul(v, f32x4.sub(f32x4.splat(1.0), f32x4.mul(t, t)))
    }
    case EPILOGUE_GELU_TANH: return geluTanh(v)
    case EPILOGUE_GELU_TANH_BACKWARD: return f32x4.mul(v, geluTanhDerivative(v128.load(other)))
    case EPILOGUE_SILU: return silu(v)
    case EPILOGUE_SILU_BACKWARD: return f32x4.mul(v, siluDerivative(v128.load(other)))
    // pmax(v, 0) is NaN where v is
    case EPILOGUE_RELU: return f32x4.pmax(v, f32x4.splat(0.0))
    case EPILOGUE_RELU_BACKWARD: return v128.and(v, f32x4.gt(v128.load(other), f32x4.splat(0.0)))
    default: unreachable()
  }
  return v
}

/** Epilogues that leave Y itself in `other`. */
// @ts-ignore: decorator
@inline
function keepsInput(epilogue: i32): bool {
  return epilogue == EPILOGUE_GELU || epilogue == EPILOGUE_GELU_TANH || epilogue == EPILOGUE_SILU
}

/** Bias, epilogue and store of `rows` x 8 sums, `columns` of which are there. */
function finish(
  rows: i32, sums: usize, bias: usize, epilogue: i32, other: usize, y: usize, stride: usize, columns: i32,
): void {
  let bias0 = f32x4.splat(0.0)
  let bias1 = f32x4.splat(0.0)
  if (bias != 0) {
    bias0 = v128.load(bias)
    bias1 = v128.load(bias, 16)
  }
  const isKept = keepsInput(epilogue)
  for (let r = 0; r < rows; r++) {
    const v0 = f32x4.add(v128.load(sums), bias0), v1 = f32x4.add(v128.load(sums, 16), bias1)
    const y0 = transform(v0, epilogue, other), y1 = transform(v1, epilogue, other + 16)
    if (columns == PANEL) {
      if (isKept) {
        v128.store(other, v0)
        v128.store(other, v1, 16)
      }
      v128.store(y, y0)
      v128.store(y, y1, 16)
    } else {
      v128.store(sums, v0)
      v128.store(sums, v1, 16)
      if (isKept) memory.copy(other, sums, <usize>columns << 2)
      v128.store(sums, y0)
      v128.store(sums, y1, 16)
      memory.copy(y, sums, <usize>columns << 2)
    }
    sums += PANEL_BYTES
    other += stride
    y += stride
  }
}

/**
 * dW[N,K] = dY[M,N]^T . X[M,K], db[N] = column sums of dY. Where `continues` says so (1: dW, 2: db), they are added to what is
 * stored there: the uses of a shared factor or layer, in the order of their records.
 */
export function weightGradient(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const args = changetype<WeightGradientRecord>(record)
  const M = args.M, N = args.N, K = args.K
  const dy = args.dy, x = args.x, dw = args.dw, db = args.db
  const continues = (args.continues & 1) != 0, continuesBias = (args.continues & 2) != 0
  const groups = (N + TILE_ROWS - 1) / TILE_ROWS
  const last = sliceBegin(groups, thread + 1, threads)
  const dyStride = <usize>args.dyStride << 2, xStride = <usize>K << 2
  const tileSums = scratch
  const columnSums = tileSums + TILE_BYTES
  const panel = columnSums + <usize>GRADIENT_GROUPS * PANEL_BYTES
  const packed = panel + <usize>GRADIENT_TOKENS * PANEL_BYTES
  for (let group = sliceBegin(groups, thread, threads); group < last; group += GRADIENT_GROUPS) {
    const groupEnd = min(last, group + GRADIENT_GROUPS)
    memory.fill(columnSums, 0, <usize>GRADIENT_GROUPS * PANEL_BYTES)
    for (let m = 0; m < M; m += GRADIENT_TOKENS) {
      const depth = min(GRADIENT_TOKENS, M - m)
      const groupBytes = <usize>depth * TILE_COLUMN_BYTES
      for (let g = group; g < groupEnd; g++) {
        const n = g * TILE_ROWS
        packSixes(
          dy + <usize>m * dyStride + (<usize>n << 2), dyStride, min(TILE_ROWS, N - n), depth,
          packed + <usize>(g - group) * groupBytes, columnSums + <usize>(g - group) * PANEL_BYTES,
        )
      }
      for (let k = 0; k < K; k += PANEL) {
        packStraight(x + <usize>m * xStride + (<usize>k << 2), xStride, min(PANEL, K - k), depth, panel)
        for (let g = group; g < groupEnd; g++) {
          const n = g * TILE_ROWS
          tile_f32_transposed_6x8(packed + <usize>(g - group) * groupBytes, TILE_COLUMN_BYTES, panel, depth, tileSums)
          const to = dw + <usize>n * xStride + (<usize>k << 2)
          accumulate(min(TILE_ROWS, N - n), tileSums, to, xStride, min(PANEL, K - k), continues || m > 0)
        }
      }
    }
    for (let g = group; g < groupEnd && db != 0; g++) {
      const n = g * TILE_ROWS
      accumulate(1, columnSums + <usize>(g - group) * PANEL_BYTES, db + (<usize>n << 2), 0, min(TILE_ROWS, N - n), continuesBias)
    }
  }
}

/** Stores `rows` x `columns` of the sums, or adds them to what is stored there. */
export function accumulate(rows: i32, sums: usize, to: usize, stride: usize, columns: i32, continues: bool): void {
  for (let r = 0; r < rows; r++) {
    if (columns == PANEL) {
      let v0 = v128.load(sums), v1 = v128.load(sums, 16)
      if (continues) {
        v0 = f32x4.add(v0, v128.load(to))
        v1 = f32x4.add(v1, v128.load(to, 16))
      }
      v128.store(to, v0)
      v128.store(to, v1, 16)
    } else {
      for (let c = 0; c < columns; c++) {
        const at = <usize>c << 2
        store<f32>(to + at, continues ? load<f32>(to + at) + load<f32>(sums + at) : load<f32>(sums + at))
      }
    }
    sums += PANEL_BYTES
    to += stride
  }
}
