// What a tile does with its sums while they are in registers: to f32 where they are integers, bias and residual, and the store to Y.
// An activation is applied afterwards, in place (epilogue.ts): inlined here it would take the registers that hold the sums.

import { ZEROS_ADDRESS } from '../abi'

/**
 * Where a tile's sums go, for columns n .. n + 8 of Y. Address 0 holds zeros: no bias, no residual. What a whole panel has in
 * common stays from one tile to the next.
 */
// @ts-ignore: decorator
@unmanaged
export class Finish {
  /** address of element (row 0, column n) of Y, and bytes from a row to the next */
  y: usize
  yStride: usize
  /** the same of what is added to Y; a stride of 0 for none */
  residual: usize
  residualStride: usize
  /** f32 [8] of these columns, padded with zeros */
  bias: usize
  /** of integer sums: f32 [rows], and f32 [8] of these columns */
  aScale: usize
  wScale: usize
  /** what loads ahead return, so that they are kept */
  seen: i32
}

/** Bytes of a Finish, which is kept in scratch: a cache line. */
export const FINISH_BYTES: usize = 64

/** Y[row] = sums + bias + residual */
// @ts-ignore: decorator
@inline
export function finishRow(to: Finish, row: usize, v0: v128, v1: v128): void {
  const bias = to.bias, residual = to.residual + row * to.residualStride, y = to.y + row * to.yStride
  v128.store(y, f32x4.add(f32x4.add(v0, v128.load(bias)), v128.load(residual)))
  v128.store(y, f32x4.add(f32x4.add(v1, v128.load(bias, 16)), v128.load(residual, 16)), 16)
}

/** Y[row] = f32(sums) * (aScale[row] * wScale) + bias + residual */
// @ts-ignore: decorator
@inline
export function finishIntegerRow(to: Finish, row: usize, c0: v128, c1: v128): void {
  const scale = v128.load32_splat(to.aScale + (row << 2)), wScale = to.wScale
  finishRow(
    to, row,
    f32x4.mul(f32x4.convert_i32x4_s(c0), f32x4.mul(scale, v128.load(wScale))),
    f32x4.mul(f32x4.convert_i32x4_s(c1), f32x4.mul(scale, v128.load(wScale, 16))),
  )
}

/** Fills in what the tiles of a panel have in common. */
// @ts-ignore: decorator
@inline
export function beginPanel(to: Finish, bias: usize, wScale: usize, hasResidual: bool, yStride: usize): void {
  to.bias = bias
  to.wScale = wScale
  to.residual = ZEROS_ADDRESS
  to.residualStride = hasResidual ? yStride : 0
  to.yStride = yStride
}
