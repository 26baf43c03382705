// What comes after the sums of a linear layer for engines that run pairs of vectors as one of 256 bits: scale, bias, activation,
// residual and store of whole lines of 8 or 16 outputs in one pass, in the order of epilogue.ts and with its bits.
// An address of 0 is that of zeros (ZEROS_ADDRESS), which are added as they are: no branch in the loops.

import { ACTIVATION_GELU, ACTIVATION_NONE } from '../abi'
import { activateOther } from './epilogue'
import { storeGeluPair } from './math'

// @ts-ignore: decorator
@inline
function finish(
  isLong: bool, isInt8: bool, isGelu: bool, rows: i32, sums: usize, aScale: usize, wScale: usize, bias: usize, residual: usize,
  residualStride: usize, y: usize, stride: usize,
): void {
  const bias0 = v128.load(bias), bias1 = v128.load(bias, 16)
  let bias2 = bias0, bias3 = bias1, scale0 = bias0, scale1 = bias1, scale2 = bias0, scale3 = bias1
  if (isLong) { bias2 = v128.load(bias, 32); bias3 = v128.load(bias, 48) }
  if (isInt8) { scale0 = v128.load(wScale); scale1 = v128.load(wScale, 16) }
  if (isInt8 && isLong) { scale2 = v128.load(wScale, 32); scale3 = v128.load(wScale, 48) }
  const lineBytes: usize = isLong ? 64 : 32
  for (const end = sums + <usize>rows * lineBytes; sums != end; sums += lineBytes) {
    let v0 = v128.load(sums), v1 = v128.load(sums, 16), v2 = v0, v3 = v1
    if (isLong) { v2 = v128.load(sums, 32); v3 = v128.load(sums, 48) }
    if (isInt8) {
      const scale = v128.load32_splat(aScale)
      v0 = f32x4.mul(f32x4.convert_i32x4_s(v0), f32x4.mul(scale, scale0))
      v1 = f32x4.mul(f32x4.convert_i32x4_s(v1), f32x4.mul(scale, scale1))
      if (isLong) {
        v2 = f32x4.mul(f32x4.convert_i32x4_s(v2), f32x4.mul(scale, scale2))
        v3 = f32x4.mul(f32x4.convert_i32x4_s(v3), f32x4.mul(scale, scale3))
      }
      aScale += 4
    }
    v0 = f32x4.add(v0, bias0); v1 = f32x4.add(v1, bias1)
    if (isLong) { v2 = f32x4.add(v2, bias2); v3 = f32x4.add(v3, bias3) }
    if (isGelu) {
      // in place, and read again: the formula is written once, for a pair that is stored
      storeGeluPair(v0, v1, sums)
      v0 = v128.load(sums); v1 = v128.load(sums, 16)
      if (isLong) { storeGeluPair(v2, v3, sums + 32); v2 = v128.load(sums, 32); v3 = v128.load(sums, 48) }
    }
    v0 = f32x4.add(v0, v128.load(residual)); v1 = f32x4.add(v1, v128.load(residual, 16))
    if (isLong) { v2 = f32x4.add(v2, v128.load(residual, 32)); v3 = f32x4.add(v3, v128.load(residual, 48)) }
    v128.store(y, v1, 16); v128.store(y, v0)
    if (isLong) { v128.store(y, v3, 48); v128.store(y, v2, 32) }
    y += stride
    residual += residualStride
  }
}

// A function for each, so that each is joined or not by itself; exported, so that they stay functions.

export function finish_f32_16(
  rows: i32, sums: usize, aScale: usize, wScale: usize, bias: usize, residual: usize, residualStride: usize, y: usize, stride: usize,
): void {
  finish(true, false, false, rows, sums, aScale, wScale, bias, residual, residualStride, y, stride)
}
export function finish_f32_gelu_16(
  rows: i32, sums: usize, aScale: usize, wScale: usize, bias: usize, residual: usize, residualStride: usize, y: usize, stride: usize,
): void {
  finish(true, false, true, rows, sums, aScale, wScale, bias, residual, residualStride, y, stride)
}
export function finish_int8_16(
  rows: i32, sums: usize, aScale: usize, wScale: usize, bias: usize, residual: usize, residualStride: usize, y: usize, stride: usize,
): void {
  finish(true, true, false, rows, sums, aScale, wScale, bias, residual, residualStride, y, stride)
}
export function finish_int8_gelu_16(
  rows: i32, sums: usize, aScale: usize, wScale: usize, bias: usize, residual: usize, residualStride: usize, y: usize, stride: usize,
): void {
  finish(true, true, true, rows, sums, aScale, wScale, bias, residual, residualStride, y, stride)
}
export function finish_f32_8(
  rows: i32, sums: usize, aScale: usize, wScale: usize, bias: usize, residual: usize, residualStride: usize, y: usize, stride: usize,
): void {
  finish(false, false, false, rows, sums, aScale, wScale, bias, residual, residualStride, y, stride)
}
export function finish_f32_gelu_8(
  rows: i32, sums: usize, aScale: usize, wScale: usize, bias: usize, residual: usize, residualStride: usize, y: usize, stride: usize,
): void {
  finish(false, false, true, rows, sums, aScale, wScale, bias, residual, residualStride, y, stride)
}
export function finish_int8_8(
  rows: i32, sums: usize, aScale: usize, wScale: usize, bias: usize, residual: usize, residualStride: usize, y: usize, stride: usize,
): void {
  finish(false, true, false, rows, sums, aScale, wScale, bias, residual, residualStride, y, stride)
}
export function finish_int8_gelu_8(
  rows: i32, sums: usize, aScale: usize, wScale: usize, bias: usize, residual: usize, residualStride: usize, y: usize, stride: usize,
): void {
  finish(false, true, true, rows, sums, aScale, wScale, bias, residual, residualStride, y, stride)
}

/** Applies an activation that has no function of its own to `rows` lines at `y`, then adds the residual. */
function activateLines(
  rows: i32, lineBytes: usize, activation: i32, residual: usize, residualStride: usize, y: usize, stride: usize,
): void {
  for (let r = 0; r < rows; r++) {
    for (let at: usize = 0; at < lineBytes; at += 16)
      v128.store(y + at, f32x4.add(activateOther(v128.load(y + at), activation), v128.load(residual + at)))
    y += stride
    residual += residualStride
  }
}

/**
 * Finishes `rows` lines of 16 sums, or of 8, f32, or i32 where there is `aScale`, and stores them from column n on.
 *
 * @param aScale f32 [rows], or 0
 * @param wScale f32 of these columns
 * @param bias f32 of these columns, or 0
 * @param residual address of element (row 0, column n), of the same stride as Y, or 0
 * @param y address of element (row 0, column n)
 * @param stride bytes from a row of Y to the next
 */
export function finishWide(
  isLong: bool, rows: i32, sums: usize, aScale: usize, wScale: usize, bias: usize, activation: i32, residual: usize, y: usize,
  stride: usize,
): void {
  const isGelu = activation == ACTIVATION_GELU, isOther = activation != ACTIVATION_NONE && !isGelu
  const step: usize = residual != 0 ? stride : 0
  const added: usize = isOther ? 0 : residual, addedStep: usize = isOther ? 0 : step
  if (isLong) {
    if (aScale != 0) {
      if (isGelu) finish_int8_gelu_16(rows, sums, aScale, wScale, bias, added, addedStep, y, stride)
      else finish_int8_16(rows, sums, aScale, wScale, bias, added, addedStep, y, stride)
    } else if (isGelu) finish_f32_gelu_16(rows, sums, 0, 0, bias, added, addedStep, y, stride)
    else finish_f32_16(rows, sums, 0, 0, bias, added, addedStep, y, stride)
  } else {
    if (aScale != 0) {
      if (isGelu) finish_int8_gelu_8(rows, sums, aScale, wScale, bias, added, addedStep, y, stride)
      else finish_int8_8(rows, sums, aScale, wScale, bias, added, addedStep, y, stride)
    } else if (isGelu) finish_f32_gelu_8(rows, sums, 0, 0, bias, added, addedStep, y, stride)
    else finish_f32_8(rows, sums, 0, 0, bias, added, addedStep, y, stride)
  }
  if (isOther) activateLines(rows, isLong ? 64 : 32, activation, residual, step, y, stride)
}

// @ts-ignore: decorator
@inline
function finishRows(isGelu: bool, outputs: i32, w: i32, sums: usize, bias: usize, y: usize): void {
  const biasStep: usize = bias != 0 ? 4 : 0
  for (let n = 0; n < outputs; n++, bias += biasStep) {
    const b = v128.load32_splat(bias)
    for (const end = sums + (<usize>w << 2); sums != end; sums += 32, y += 32) {
      const v0 = f32x4.add(v128.load(sums), b), v1 = f32x4.add(v128.load(sums, 16), b)
      if (isGelu) storeGeluPair(v0, v1, y)
      else { v128.store(y, v1, 16); v128.store(y, v0) }
    }
  }
}

export function finish_rows(outputs: i32, w: i32, sums: usize, bias: usize, y: usize): void {
  finishRows(false, outputs, w, sums, bias, y)
}
export function finish_rows_gelu(outputs: i32, w: i32, sums: usize, bias: usize, y: usize): void {
  finishRows(true, outputs, w, sums, bias, y)
}

/** finishBlock for w % 8 == 0; false, and nothing done, where the activation has no function here. */
export function finishBlockWide(outputs: i32, w: i32, sums: usize, bias: usize, activation: i32, y: usize): bool {
  if (activation == ACTIVATION_GELU) finish_rows_gelu(outputs, w, sums, bias, y)
  else if (activation == ACTIVATION_NONE) finish_rows(outputs, w, sums, bias, y)
  else return false
  return true
}
