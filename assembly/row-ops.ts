// row-ops: LayerNorm with residual, first token, mean pooling.
// Contract   kernels/row-ops/contract.ts      Twin  shaders/row-ops.*.wgsl
// Layout     everything row-major f32
// Plan       a thread owns a range of rows; a row stays in L1 over its three passes; eight partial sums
// Needs      nothing of C
// Source     own derivation

import { madd, sumLanes } from './lib/simd'
import { pointer, real, sliceBegin, word } from './tape'

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

/** Record: rows, C, x, residual (0: none), gamma, beta, epsilon, y */
export function layernorm(record: usize, thread: i32, threads: i32): void {
  const rows = word(record, 0), C = word(record, 1)
  const x = pointer(record, 2), residual = pointer(record, 3)
  const gamma = pointer(record, 4), beta = pointer(record, 5)
  const epsilon = real(record, 6)
  const y = pointer(record, 7)
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

/** Record: B, C, x [M, C], offsets i32 [B + 1], y [B, C] */
export function firstToken(record: usize, thread: i32, threads: i32): void {
  const B = word(record, 0)
  const rowBytes = <usize>word(record, 1) << 2
  const x = pointer(record, 2), offsets = pointer(record, 3), y = pointer(record, 4)
  const last = sliceBegin(B, thread + 1, threads)
  for (let b = sliceBegin(B, thread, threads); b < last; b++)
    memory.copy(y + <usize>b * rowBytes, x + <usize>load<i32>(offsets + (<usize>b << 2)) * rowBytes, rowBytes)
}

/** Record: B, C, x [M, C], offsets i32 [B + 1], normalize (0 or 1), y [B, C] */
export function meanPool(record: usize, thread: i32, threads: i32): void {
  const B = word(record, 0), C = word(record, 1)
  const x = pointer(record, 2), offsets = pointer(record, 3)
  const isNormalized = word(record, 4) != 0
  const y = pointer(record, 5)
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
