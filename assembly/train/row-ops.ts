// Embedding, LayerNorm and dropout in training, forward and backward.
// Layout     everything row-major f32, C % 4 == 0
// Plan       rows are shared by range; sums over rows (gammas, betas, tables) by columns: each element is added up by one
//            thread in the order of the rows, so the result does not depend on the number of threads
// Source     own derivation

import { madd, sumLanes } from '../lib/simd'
import { pointer, real, sliceBegin, word } from '../tape'
import { dropLanes } from './math'

/** y[m] = word[id] + position[place] + type[kind]. Record: M, C, ids, places, kinds, word, position, type, y */
export function embed(record: usize, thread: i32, threads: i32): void {
  const M = word(record, 0)
  const rowBytes = <usize>word(record, 1) << 2
  const ids = pointer(record, 2), places = pointer(record, 3), kinds = pointer(record, 4)
  const words = pointer(record, 5), positions = pointer(record, 6), types = pointer(record, 7)
  const last = sliceBegin(M, thread + 1, threads)
  for (let m = sliceBegin(M, thread, threads); m < last; m++) {
    const at = <usize>m << 2
    const a = words + <usize>load<i32>(ids + at) * rowBytes
    const b = positions + <usize>load<i32>(places + at) * rowBytes
    const c = types + <usize>load<i32>(kinds + at) * rowBytes
    const y = pointer(record, 8) + <usize>m * rowBytes
    for (let i: usize = 0; i < rowBytes; i += 16)
      v128.store(y + i, f32x4.add(f32x4.add(v128.load(a + i), v128.load(b + i)), v128.load(c + i)))
  }
}

/**
 * Gradients of the three tables: rows of dx added where they came from. Word rows are those of the batch alone, `slots`
 * says which. Record: M, C, slots, places, kinds, dx, dWord, wordRows, dPosition, positionRows, dType, typeRows
 */
export function scatter(record: usize, thread: i32, threads: i32): void {
  const M = word(record, 0), C = word(record, 1)
  const rowBytes = <usize>C << 2
  const dx = pointer(record, 5)
  const begin = <usize>sliceBegin(C >> 2, thread, threads) << 4, end = <usize>sliceBegin(C >> 2, thread + 1, threads) << 4
  if (begin == end) return
  for (let table = 0; table < 3; table++) {
    const rowOf = pointer(record, 2 + table)
    const to = pointer(record, 6 + 2 * table)
    const rows = word(record, 7 + 2 * table)
    for (let r = 0; r < rows; r++) memory.fill(to + <usize>r * rowBytes + begin, 0, end - begin)
    for (let m = 0; m < M; m++) {
      const row = to + <usize>load<i32>(rowOf + (<usize>m << 2)) * rowBytes
      const from = dx + <usize>m * rowBytes
      for (let i = begin; i < end; i += 16) v128.store(row + i, f32x4.add(v128.load(row + i), v128.load(from + i)))
    }
  }
}

/**
 * z = drop(x) + residual; normal = (z - mean) * rstd; y = drop(normal * gamma + beta). A key of 0 drops nothing.
 * Record: rows, C, x, residual (0: none), gamma, beta, epsilon, xKey, yKey, keep, normal, rstd [rows], y
 */
export function layernormForward(record: usize, thread: i32, threads: i32): void {
  const rows = word(record, 0), C = word(record, 1)
  const rowBytes = <usize>C << 2
  const gamma = pointer(record, 4), beta = pointer(record, 5)
  const epsilon = real(record, 6)
  const xKey = word(record, 7), yKey = word(record, 8)
  const keep = real(record, 9)
  const last = sliceBegin(rows, thread + 1, threads)
  for (let m = sliceBegin(rows, thread, threads); m < last; m++) {
    const at = <usize>m * rowBytes
    const x = pointer(record, 2) + at, normal = pointer(record, 10) + at, y = pointer(record, 12) + at
    const residual = pointer(record, 3) != 0 ? pointer(record, 3) + at : 0
    const index = m * C
    let sums = f32x4.splat(0.0)
    for (let i: usize = 0; i < rowBytes; i += 16) {
      let v = v128.load(x + i)
      if (xKey != 0) v = dropLanes(v, xKey, index + <i32>(i >> 2), keep)
      if (residual != 0) v = f32x4.add(v, v128.load(residual + i))
      v128.store(normal + i, v)
      sums = f32x4.add(sums, v)
    }
    const means = f32x4.splat(sumLanes(sums) / <f32>C)
    let squares = f32x4.splat(0.0)
    for (let i: usize = 0; i < rowBytes; i += 16) {
      const d = f32x4.sub(v128.load(normal + i), means)
      squares = madd(d, d, squares)
    }
    const inverse: f32 = <f32>1.0 / sqrt<f32>(sumLanes(squares) / <f32>C + epsilon)
    store<f32>(pointer(record, 11) + (<usize>m << 2), inverse)
    const inverses = f32x4.splat(inverse)
    for (let i: usize = 0; i < rowBytes; i += 16) {
      const n = f32x4.mul(f32x4.sub(v128.load(normal + i), means), inverses)
      v128.store(normal + i, n)
      let v = madd(n, v128.load(gamma + i), v128.load(beta + i))
      if (yKey != 0) v = dropLanes(v, yKey, index + <i32>(i >> 2), keep)
      v128.store(y + i, v)
    }
  }
}

/**
 * dz from dy; dx = drop(dz). Where y was dropped, dy is dropped in place first, for the sums that follow.
 * Record: rows, C, dy, gamma, xKey, yKey, keep, normal, rstd, dz, dx (0: not wanted)
 */
export function layernormBackward(record: usize, thread: i32, threads: i32): void {
  const rows = word(record, 0), C = word(record, 1)
  const rowBytes = <usize>C << 2
  const gamma = pointer(record, 3)
  const xKey = word(record, 4), yKey = word(record, 5)
  const keep = real(record, 6)
  const share: f32 = <f32>1.0 / <f32>C
  const last = sliceBegin(rows, thread + 1, threads)
  for (let m = sliceBegin(rows, thread, threads); m < last; m++) {
    const at = <usize>m * rowBytes
    const dy = pointer(record, 2) + at, normal = pointer(record, 7) + at, dz = pointer(record, 9) + at
    const dx = pointer(record, 10) != 0 ? pointer(record, 10) + at : 0
    const index = m * C
    let sums = f32x4.splat(0.0), products = f32x4.splat(0.0)
    for (let i: usize = 0; i < rowBytes; i += 16) {
      let v = v128.load(dy + i)
      if (yKey != 0) {
        v = dropLanes(v, yKey, index + <i32>(i >> 2), keep)
        v128.store(dy + i, v)
      }
      const d = f32x4.mul(v, v128.load(gamma + i))
      sums = f32x4.add(sums, d)
      products = madd(d, v128.load(normal + i), products)
    }
    const mean = f32x4.splat(sumLanes(sums) * share)
    const slope = f32x4.splat(-sumLanes(products) * share)
    const inverse = f32x4.splat(load<f32>(pointer(record, 8) + (<usize>m << 2)))
    for (let i: usize = 0; i < rowBytes; i += 16) {
      const d = f32x4.sub(f32x4.mul(v128.load(dy + i), v128.load(gamma + i)), mean)
      const v = f32x4.mul(madd(v128.load(normal + i), slope, d), inverse)
      v128.store(dz + i, v)
      if (dx != 0) v128.store(dx + i, xKey != 0 ? dropLanes(v, xKey, index + <i32>(i >> 2), keep) : v)
    }
  }
}

/** dgamma = column sums of dy * normal, dbeta = column sums of dy. Record: rows, C, dy, normal, dgamma, dbeta */
export function layernormGradient(record: usize, thread: i32, threads: i32): void {
  const rows = word(record, 0), C = word(record, 1)
  const rowBytes = <usize>C << 2
  const end = <usize>sliceBegin(C >> 2, thread + 1, threads) << 4
  for (let i = <usize>sliceBegin(C >> 2, thread, threads) << 4; i < end; i += 16) {
    let dy = pointer(record, 2) + i, normal = pointer(record, 3) + i
    let dgamma = f32x4.splat(0.0), dbeta = f32x4.splat(0.0)
    for (let m = 0; m < rows; m++) {
      const v = v128.load(dy)
      dgamma = madd(v, v128.load(normal), dgamma)
      dbeta = f32x4.add(dbeta, v)
      dy += rowBytes
      normal += rowBytes
    }
    v128.store(pointer(record, 4) + i, dgamma)
    v128.store(pointer(record, 5) + i, dbeta)
  }
}

/** y[b] = x[offsets[b]]. Record: B, C, x, offsets i32 [B + 1], y */
export function gatherFirst(record: usize, thread: i32, threads: i32): void {
  const rowBytes = <usize>word(record, 1) << 2
  const last = sliceBegin(word(record, 0), thread + 1, threads)
  for (let b = sliceBegin(word(record, 0), thread, threads); b < last; b++) {
    const from = pointer(record, 2) + <usize>load<i32>(pointer(record, 3) + (<usize>b << 2)) * rowBytes
    memory.copy(pointer(record, 4) + <usize>b * rowBytes, from, rowBytes)
  }
}

/** dx = 0, but dx[offsets[b]] = dy[b]. Record: B, C, dy, offsets i32 [B + 1], dx */
export function scatterFirst(record: usize, thread: i32, threads: i32): void {
  const rowBytes = <usize>word(record, 1) << 2
  const offsets = pointer(record, 3)
  const last = sliceBegin(word(record, 0), thread + 1, threads)
  for (let b = sliceBegin(word(record, 0), thread, threads); b < last; b++) {
    const begin = <usize>load<i32>(offsets + (<usize>b << 2)) * rowBytes
    const end = <usize>load<i32>(offsets + (<usize>b << 2), 4) * rowBytes
    const dx = pointer(record, 4)
    memory.copy(dx + begin, pointer(record, 2) + <usize>b * rowBytes, rowBytes)
    memory.fill(dx + begin + rowBytes, 0, end - begin - rowBytes)
  }
}

/** y = drop(x), both [rows, C]. Record: rows, C, x, key, keep, y */
export function drop(record: usize, thread: i32, threads: i32): void {
  const quads = (word(record, 0) * word(record, 1)) >> 2
  const last = sliceBegin(quads, thread + 1, threads)
  for (let q = sliceBegin(quads, thread, threads); q < last; q++) {
    const at = <usize>q << 4
    const v = v128.load(pointer(record, 2) + at)
    v128.store(pointer(record, 5) + at, dropLanes(v, word(record, 3), q << 2, real(record, 4)))
  }
}
