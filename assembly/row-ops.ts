// row-ops: LayerNorm with residual, first token, mean pooling.
// Contract   kernels/row-ops/contract.ts      GPU  shaders/row-ops.*.wgsl
// Layout     row-major f32; layernormBlocked: token blocks (lib/blocks.ts); firstToken reads either
// Plan       a thread owns a range of rows; a row stays in L1 over its three passes; eight partial sums
// Needs      nothing of C
// Source     own derivation

import { FirstTokenRecord, LayernormBlockedRecord, LayernormRecord, MeanPoolRecord } from './abi'
import { blockBegin, blockWidth, paddedTokens } from './lib/blocks'
import { madd, sumLanes } from './lib/simd'
import { sliceBegin } from './tape'

/** Normalises the row y [C] in place: (y - mean) / sqrt(variance + epsilon) * gamma + beta. */
export function normalizeRow(y: usize, C: i32, gamma: usize, beta: usize, epsilon: f32): void {
  const end = <usize>C << 2
  const vectorEnd = <usize>(C & ~3) << 2
  let i: usize = 0
  // two sums at a time: one alone would wait for itself at every step
  const eightsEnd = <usize>(C & ~7) << 2
  let sums = f32x4.splat(0.0), others = sums
  for (; i < eightsEnd; i += 32) {
    sums = f32x4.add(sums, v128.load(y + i))
    others = f32x4.add(others, v128.load(y + i, 16))
  }
  if (i < vectorEnd) sums = f32x4.add(sums, v128.load(y + i))
  let sum = sumLanes(f32x4.add(sums, others))
  for (i = vectorEnd; i < end; i += 4) sum += load<f32>(y + i)
  const mean = sum / <f32>C
  const means = f32x4.splat(mean)
  let squares = f32x4.splat(0.0), otherSquares = squares
  for (i = 0; i < eightsEnd; i += 32) {
    const d = f32x4.sub(v128.load(y + i), means), e = f32x4.sub(v128.load(y + i, 16), means)
    squares = madd(d, d, squares)
    otherSquares = madd(e, e, otherSquares)
  }
  if (i < vectorEnd) {
    const d = f32x4.sub(v128.load(y + i), means)
    squares = madd(d, d, squares)
  }
  let square = sumLanes(f32x4.add(squares, otherSquares))
  for (i = vectorEnd; i < end; i += 4) {
    const d = load<f32>(y + i) - mean
    square += d * d
  }
  const inverse: f32 = <f32>1.0 / sqrt<f32>(square / <f32>C + epsilon)
  const inverses = f32x4.splat(inverse)
  for (i = 0; i < vectorEnd; i += 16) {
    const normal = f32x4.mul(f32x4.sub(v128.load(y + i), means), inverses)
    v128.store(y + i, madd(normal, v128.load(gamma + i), v128.load(beta + i)))
  }
  for (; i < end; i += 4)
    store<f32>(y + i, (load<f32>(y + i) - mean) * inverse * load<f32>(gamma + i) + load<f32>(beta + i))
}

/** y = LayerNorm(x + residual) of rows. */
export function layernorm(record: usize, thread: i32, threads: i32): void {
  const args = changetype<LayernormRecord>(record)
  const rows = args.M, C = args.C
  const x = args.x, residual = args.residual
  const gamma = args.gamma, beta = args.beta
  const epsilon = args.epsilon
  const y = args.y
  const rowBytes = <usize>C << 2
  const vectorEnd = <usize>(C & ~3) << 2
  const last = sliceBegin(rows, thread + 1, threads)
  for (let m = sliceBegin(rows, thread, threads); m < last; m++) {
    const at = <usize>m * rowBytes
    const to = y + at, from = x + at, other = residual + at
    if (residual == 0) {
      memory.copy(to, from, rowBytes)
    } else {
      let i: usize = 0
      for (; i < vectorEnd; i += 16) v128.store(to + i, f32x4.add(v128.load(from + i), v128.load(other + i)))
      for (; i < rowBytes; i += 4) store<f32>(to + i, load<f32>(from + i) + load<f32>(other + i))
    }
    normalizeRow(to, C, gamma, beta, epsilon)
  }
}

/**
 * The tokens of 1 or 4 vectors, each [C] at a stride of a block's width: x + residual into y, then y normalised as by
 * normalizeRow. Sums are made in four parts of C, so that no chain is longer than C / 4 + 4.
 */
// @ts-ignore: decorator
@inline
function normalizeTokens(
  vectors: i32, x: usize, residual: usize, y: usize, stride: usize, C: i32, gamma: usize, beta: usize, epsilon: f32,
): void {
  const zero = f32x4.splat(0.0), count = f32x4.splat(<f32>C)
  let m0 = zero, m1 = zero, m2 = zero, m3 = zero
  let i: usize = 0
  for (let part = 1; part <= 4; part++) {
    let s0 = zero, s1 = zero, s2 = zero, s3 = zero
    for (const end = <usize>((C * part) >> 2) * stride; i != end; i += stride) {
      let v0 = v128.load(x + i), v1 = zero, v2 = zero, v3 = zero
      if (vectors > 1) v1 = v128.load(x + i, 16)
      if (vectors > 1) { v2 = v128.load(x + i, 32); v3 = v128.load(x + i, 48) }
      if (residual != 0) {
        v0 = f32x4.add(v0, v128.load(residual + i))
        if (vectors > 1) v1 = f32x4.add(v1, v128.load(residual + i, 16))
        if (vectors > 1) { v2 = f32x4.add(v2, v128.load(residual + i, 32)); v3 = f32x4.add(v3, v128.load(residual + i, 48)) }
      }
      v128.store(y + i, v0)
      s0 = f32x4.add(s0, v0)
      if (vectors > 1) { v128.store(y + i, v1, 16); s1 = f32x4.add(s1, v1) }
      if (vectors > 1) {
        v128.store(y + i, v2, 32); s2 = f32x4.add(s2, v2)
        v128.store(y + i, v3, 48); s3 = f32x4.add(s3, v3)
      }
    }
    m0 = f32x4.add(m0, s0)
    if (vectors > 1) m1 = f32x4.add(m1, s1)
    if (vectors > 1) { m2 = f32x4.add(m2, s2); m3 = f32x4.add(m3, s3) }
  }
  m0 = f32x4.div(m0, count); m1 = f32x4.div(m1, count); m2 = f32x4.div(m2, count); m3 = f32x4.div(m3, count)
  let q0 = zero, q1 = zero, q2 = zero, q3 = zero
  i = 0
  for (let part = 1; part <= 4; part++) {
    let s0 = zero, s1 = zero, s2 = zero, s3 = zero
    for (const end = <usize>((C * part) >> 2) * stride; i != end; i += stride) {
      let d = f32x4.sub(v128.load(y + i), m0)
      s0 = madd(d, d, s0)
      if (vectors > 1) { d = f32x4.sub(v128.load(y + i, 16), m1); s1 = madd(d, d, s1) }
      if (vectors > 1) {
        d = f32x4.sub(v128.load(y + i, 32), m2); s2 = madd(d, d, s2)
        d = f32x4.sub(v128.load(y + i, 48), m3); s3 = madd(d, d, s3)
      }
    }
    q0 = f32x4.add(q0, s0)
    if (vectors > 1) q1 = f32x4.add(q1, s1)
    if (vectors > 1) { q2 = f32x4.add(q2, s2); q3 = f32x4.add(q3, s3) }
  }
  const one = f32x4.splat(1.0), epsilons = f32x4.splat(epsilon)
  q0 = f32x4.div(one, f32x4.sqrt(f32x4.add(f32x4.div(q0, count), epsilons)))
  if (vectors > 1) q1 = f32x4.div(one, f32x4.sqrt(f32x4.add(f32x4.div(q1, count), epsilons)))
  if (vectors > 1) {
    q2 = f32x4.div(one, f32x4.sqrt(f32x4.add(f32x4.div(q2, count), epsilons)))
    q3 = f32x4.div(one, f32x4.sqrt(f32x4.add(f32x4.div(q3, count), epsilons)))
  }
  for (const end = y + <usize>C * stride; y != end; y += stride, gamma += 4, beta += 4) {
    const g = v128.load32_splat(gamma), b = v128.load32_splat(beta)
    v128.store(y, madd(f32x4.mul(f32x4.sub(v128.load(y), m0), q0), g, b))
    if (vectors > 1) v128.store(y, madd(f32x4.mul(f32x4.sub(v128.load(y, 16), m1), q1), g, b), 16)
    if (vectors > 1) {
      v128.store(y, madd(f32x4.mul(f32x4.sub(v128.load(y, 32), m2), q2), g, b), 32)
      v128.store(y, madd(f32x4.mul(f32x4.sub(v128.load(y, 48), m3), q3), g, b), 48)
    }
  }
}

/** The same with x, residual and y in token blocks. A thread takes groups of 4 tokens, 16 of a block (a cache line) at a time. */
export function layernormBlocked(record: usize, thread: i32, threads: i32): void {
  const args = changetype<LayernormBlockedRecord>(record)
  const M = args.M, C = args.C
  const x = args.x, residual = args.residual
  const gamma = args.gamma, beta = args.beta
  const epsilon = args.epsilon
  const y = args.y
  const fours = paddedTokens(M) >> 2
  const first = sliceBegin(fours, thread, threads) << 2, last = sliceBegin(fours, thread + 1, threads) << 2
  for (let t0 = 0; t0 < M; ) {
    const w = blockWidth(M - t0)
    const end = min(t0 + w, last)
    const stride = <usize>w << 2
    for (let t = max(t0, first); t < end; ) {
      const at = (<usize>t0 * <usize>C + <usize>(t - t0)) << 2
      const other = residual != 0 ? residual + at : 0
      if (end - t >= 16) { normalizeTokens(4, x + at, other, y + at, stride, C, gamma, beta, epsilon); t += 16 }
      else { normalizeTokens(1, x + at, other, y + at, stride, C, gamma, beta, epsilon); t += 4 }
    }
    t0 += w
  }
}

/** y [B, C] = the first row of each sequence of x [M, C]; offsets i32 [B + 1]. */
export function firstToken(record: usize, thread: i32, threads: i32): void {
  const args = changetype<FirstTokenRecord>(record)
  const B = args.B, C = args.C
  const rowBytes = <usize>C << 2
  const x = args.x, offsets = args.offsets
  const isBlocked = args.isBlocked != 0
  const M = load<i32>(offsets + (<usize>B << 2))
  const last = sliceBegin(B, thread + 1, threads)
  for (let b = sliceBegin(B, thread, threads); b < last; b++) {
    const t = load<i32>(offsets + (<usize>b << 2))
    const y = args.y + <usize>b * rowBytes
    if (isBlocked) {
      const t0 = blockBegin(t, M)
      const stride = <usize>blockWidth(M - t0) << 2
      let from = x + ((<usize>t0 * <usize>C + <usize>(t - t0)) << 2)
      for (let to = y; to != y + rowBytes; to += 4, from += stride) store<f32>(to, load<f32>(from))
    } else memory.copy(y, x + <usize>t * rowBytes, rowBytes)
  }
}

/** y [B, C] = the mean row of each sequence of x [M, C], where asked for divided by its length; offsets i32 [B + 1]. */
export function meanPool(record: usize, thread: i32, threads: i32): void {
  const args = changetype<MeanPoolRecord>(record)
  const B = args.B, C = args.C
  const x = args.x, offsets = args.offsets
  const isNormalized = args.isNormalized != 0
  const y = args.y
  const rowBytes = <usize>C << 2
  const last = sliceBegin(B, thread + 1, threads)
  for (let b = sliceBegin(B, thread, threads); b < last; b++) {
    const begin = load<i32>(offsets + (<usize>b << 2)), end = load<i32>(offsets + (<usize>b << 2), 4)
    const to = y + <usize>b * rowBytes
    memory.copy(to, x + <usize>begin * rowBytes, rowBytes)
    for (let t = begin + 1; t < end; t++) addTo(to, x + <usize>t * rowBytes, rowBytes)
    let factor: f32 = <f32>1.0 / <f32>(end - begin)
    scaleRow(to, rowBytes, factor)
    if (isNormalized) {
      let square: f64 = 0.0
      for (let i: usize = 0; i < rowBytes; i += 4) square += <f64>load<f32>(to + i) * <f64>load<f32>(to + i)
      factor = <f32>(1.0 / max(sqrt<f64>(square), 1e-12))
      scaleRow(to, rowBytes, factor)
    }
  }
}

/** y[i] += x[i] over `bytes` of f32. */
function addTo(y: usize, x: usize, bytes: usize): void {
  let i: usize = 0
  for (; i + 16 <= bytes; i += 16) v128.store(y + i, f32x4.add(v128.load(y + i), v128.load(x + i)))
  for (; i < bytes; i += 4) store<f32>(y + i, load<f32>(y + i) + load<f32>(x + i))
}

function scaleRow(y: usize, bytes: usize, factor: f32): void {
  for (let i: usize = 0; i < bytes; i += 4) store<f32>(y + i, load<f32>(y + i) * factor)
}
