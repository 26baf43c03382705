// Token blocks: the layout of activations for the sparse kernels, whose vectors run along tokens, and between them
// (kernels/wasm/layouts.ts decides where). Lanes of tokens that there are not may hold anything: lanes never mix.
// M tokens are cut into blocks of 32, then 16, 8 or 4; a block of w tokens holds its K inputs as [K][w] (or [K/4][..][w]),
// one after the other, so that a block is contiguous whatever M is: no stride that falls on few cache sets.

import { BLOCK_TOKENS } from '../abi'

/** Width of the block at which `left` tokens are left; more than `left` only in the last block. */
// @ts-ignore: decorator
@inline
export function blockWidth(left: i32): i32 {
  if (left > 24) return BLOCK_TOKENS
  if (left > 8) return 16
  return left > 4 ? 8 : 4
}

/** First token of the block that holds token t of M: only the last blocks are narrower than 32. */
export function blockBegin(t: i32, M: i32): i32 {
  let t0 = t & -BLOCK_TOKENS
  for (let w = blockWidth(M - t0); t >= t0 + w; w = blockWidth(M - t0)) t0 += w
  return t0
}

/** Tokens of all blocks together; at most BLOCK_PADDING more than there are. */
export function paddedTokens(M: i32): i32 {
  let t = 0
  while (t < M) t += blockWidth(M - t)
  return t
}

/** Stores the transpose of the 4x4 f32 tile of rows v0..v3 at `at`, rows of the result `stride` bytes apart. */
// @ts-ignore: decorator
@inline
export function storeTransposed(v0: v128, v1: v128, v2: v128, v3: v128, at: usize, stride: usize): void {
  const low01 = v128.shuffle<i32>(v0, v1, 0, 4, 1, 5)
  const low23 = v128.shuffle<i32>(v2, v3, 0, 4, 1, 5)
  const high01 = v128.shuffle<i32>(v0, v1, 2, 6, 3, 7)
  const high23 = v128.shuffle<i32>(v2, v3, 2, 6, 3, 7)
  v128.store(at, v128.shuffle<i32>(low01, low23, 0, 1, 4, 5))
  v128.store(at + stride, v128.shuffle<i32>(low01, low23, 2, 3, 6, 7))
  v128.store(at + stride * 2, v128.shuffle<i32>(high01, high23, 0, 1, 4, 5))
  v128.store(at + stride * 3, v128.shuffle<i32>(high01, high23, 2, 3, 6, 7))
}
