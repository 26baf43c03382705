// What comes after the sums of a linear layer: bias, activation, residual, and the store to Y, row-major or in token blocks.

import {
  ACTIVATION_GELU, ACTIVATION_GELU_TANH, ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_SILU, PANEL, PANEL_BYTES,
} from '../abi'
import { finishBlockWide, finishWide } from './epilogue-wide'
import { gelu, geluTanh, silu, tanh } from './math'
import { WIDE } from './simd'

// @ts-ignore: decorator
@inline
function activate(v: v128, activation: i32): v128 {
  return activation == ACTIVATION_GELU ? gelu(v) : activateOther(v, activation)
}

/** One function for those that are not gelu: inlined wherever gelu is, they would be most of the module's growth. */
export function activateOther(v: v128, activation: i32): v128 {
  // pmax(v, 0) is NaN where v is
  if (activation == ACTIVATION_RELU) return f32x4.pmax(v, f32x4.splat(0.0))
  if (activation == ACTIVATION_GELU_TANH) return geluTanh(v)
  return activation == ACTIVATION_SILU ? silu(v) : tanh(v)
}

/**
 * Finishes `rows` x 8 sums, which it may change, and stores columns n .. n + 8 of Y.
 *
 * @param sumsStride bytes from a row of sums to the next
 * @param bias f32 [8] of these columns, padded with zeros, or 0
 * @param residual address of element (row 0, column n), of the same stride as Y, or 0
 * @param y address of element (row 0, column n)
 * @param stride bytes from a row of Y to the next
 * @param columns how many of the 8 columns there are
 */
export function finishTile(
  rows: i32, sums: usize, sumsStride: usize, bias: usize, activation: i32, residual: usize, y: usize, stride: usize,
  columns: i32,
): void {
  if (WIDE && columns == PANEL && sumsStride == PANEL_BYTES) {
    finishWide(false, rows, sums, 0, 0, bias, activation, residual, y, stride)
    return
  }
  let bias0 = f32x4.splat(0.0)
  let bias1 = f32x4.splat(0.0)
  if (bias != 0) {
    bias0 = v128.load(bias)
    bias1 = v128.load(bias, 16)
  }
  for (let r = 0; r < rows; r++) {
    let v0 = f32x4.add(v128.load(sums), bias0)
    let v1 = f32x4.add(v128.load(sums, 16), bias1)
    if (activation != ACTIVATION_NONE) {
      v0 = activate(v0, activation)
      v1 = activate(v1, activation)
    }
    if (columns == PANEL) {
      if (residual != 0) {
        v0 = f32x4.add(v0, v128.load(residual))
        v1 = f32x4.add(v1, v128.load(residual, 16))
      }
      v128.store(y, v0)
      v128.store(y, v1, 16)
    } else {
      v128.store(sums, v0)
      v128.store(sums, v1, 16)
      for (let c = 0; c < columns; c++) {
        const at = <usize>c << 2
        const value = load<f32>(sums + at)
        store<f32>(y + at, residual != 0 ? value + load<f32>(residual + at) : value)
      }
    }
    sums += sumsStride
    y += stride
    if (residual != 0) residual += stride
  }
}

/**
 * Turns `rows` x 8 i32 sums into f32 in place: f32(sum) * (aScale[row] * wScale[column]).
 *
 * @param sumsStride bytes from a row of sums to the next
 * @param aScale f32 [rows]
 * @param wScale f32 [8], padded with zeros
 */
export function scaleTile(rows: i32, sums: usize, sumsStride: usize, aScale: usize, wScale: usize): void {
  const scale0 = v128.load(wScale)
  const scale1 = v128.load(wScale, 16)
  for (let r = 0; r < rows; r++) {
    const scale = v128.load32_splat(aScale)
    v128.store(sums, f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums)), f32x4.mul(scale, scale0)))
    v128.store(sums, f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums, 16)), f32x4.mul(scale, scale1)), 16)
    sums += sumsStride
    aScale += 4
  }
}

/**
 * Finishes sums [outputs][w] of a token block and stores them in the same layout. With an activation `sums` is changed, and 16
 * bytes past it are read.
 *
 * @param bias f32 [outputs] or 0
 * @param y address of the first output's w tokens
 */
export function finishBlock(outputs: i32, w: i32, sums: usize, bias: usize, activation: i32, y: usize): void {
  if (WIDE && w >= PANEL && finishBlockWide(outputs, w, sums, bias, activation, y)) return
  const rowBytes = <usize>w << 2, bytes = rowBytes * <usize>outputs
  const target = activation != ACTIVATION_NONE ? sums : y
  for (let at: usize = 0; at < bytes; ) {
    const b = bias != 0 ? v128.load32_splat(bias) : f32x4.splat(0.0)
    for (const end = at + rowBytes; at != end; at += 16) v128.store(target + at, f32x4.add(v128.load(sums + at), b))
    if (bias != 0) bias += 4
  }
  if (activation == ACTIVATION_NONE) return
  if (activation == ACTIVATION_GELU) {
    // two vectors at a time: the chains of one wait for themselves
    for (let at: usize = 0; at < bytes; at += 32) {
      const v0 = gelu(v128.load(sums + at)), v1 = gelu(v128.load(sums + at, 16))
      v128.store(y + at, v0)
      if (at + 16 < bytes) v128.store(y + at, v1, 16)
    }
  } else for (let at: usize = 0; at < bytes; at += 16) v128.store(y + at, activateOther(v128.load(sums + at), activation))
}
