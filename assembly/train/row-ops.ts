// Embedding, LayerNorm and dropout in training, forward and backward.
// Layout     everything row-major f32, C % 4 == 0
// Plan       rows are shared by range; sums over rows (gammas, betas, tables) by columns: each element is added up by one
//            thread in the order of the rows, so the result does not depend on the number of threads
// Source     own derivation

import {
  DropRecord, EmbedRecord, GatherFirstRecord, LayernormBackwardRecord, LayernormForwardRecord, LayernormGradientRecord,
  ScatterFirstRecord, ScatterRecord,
} from '../abi'
import { madd, sumLanes } from '../lib/simd'
import { sliceBegin } from '../tape'
import { dropLanes } from './math'

/** y[m] = word[id] + position[place] + type[kind], where there are types. */
export function embed(record: usize, thread: i32, threads: i32): void {
  const args = changetype<EmbedRecord>(record)
  const M = args.M
  const rowBytes = <usize>args.C << 2
  const ids = args.ids, places = args.places, kinds = args.kinds
  const words = args.word, positions = args.position, types = args.type
  const last = sliceBegin(M, thread + 1, threads)
  for (let m = sliceBegin(M, thread, threads); m < last; m++) {
    const at = <usize>m << 2
    const a = words + <usize>load<i32>(ids + at) * rowBytes
    const b = positions + <usize>load<i32>(places + at) * rowBytes
    const y = args.y + <usize>m * rowBytes
    if (types == 0) {
      for (let i: usize = 0; i < rowBytes; i += 16) v128.store(y + i, f32x4.add(v128.load(a + i), v128.load(b + i)))
      continue
    }
    const c = types + <usize>load<i32>(kinds + at) * rowBytes
    for (let i: usize = 0; i < rowBytes; i += 16)
      v128.store(y + i, f32x4.add(f32x4.add(v128.load(a + i), v128.load(b + i)), v128.load(c + i)))
  }
}

/**
 * Gradients of the tables, two or three: rows of dx added where they came from. Word rows are those of the batch alone, `slots`
 * says which.
 */
export function scatter(record: usize, thread: i32, threads: i32): void {
  const args = changetype<ScatterRecord>(record)
  const M = args.M, C = args.C
  const rowBytes = <usize>C << 2
  const dx = args.dx
  const begin = <usize>sliceBegin(C >> 2, thread, threads) << 4, end = <usize>sliceBegin(C >> 2, thread + 1, threads) << 4
  if (begin == end) return
  for (let table = 0; table < 3; table++) {
    const rowOf = table == 0 ? args.slots : table == 1 ? args.places : args.kinds
    const to = table == 0 ? args.dWord : table == 1 ? args.dPosition : args.dType
    if (to == 0) continue
    const rows = table == 0 ? args.wordRows : table == 1 ? args.positionRows : args.typeRows
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
 */
export function layernormForward(record: usize, thread: i32, threads: i32): void {
  const args = changetype<LayernormForwardRecord>(record)
  const rows = args.M, C = args.C
  const rowBytes = <usize>C << 2
  const gamma = args.gamma, beta = args.beta
  const epsilon = args.epsilon
  const xKey = args.xKey, yKey = args.yKey
  const keep = args.keep
  const last = sliceBegin(rows, thread + 1, threads)
  for (let m = sliceBegin(rows, thread, threads); m < last; m++) {
    const at = <usize>m * rowBytes
    const x = args.x + at, normal = args.normal + at, y = args.y + at
    const residual = args.residual != 0 ? args.residual + at : 0
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
    store<f32>(args.rstd + (<usize>m << 2), inverse)
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
 */
export function layernormBackward(record: usize, thread: i32, threads: i32): void {
  const args = changetype<LayernormBackwardRecord>(record)
  const rows = args.M, C = args.C
  const rowBytes = <usize>C << 2
  const gamma = args.gamma
  const xKey = args.xKey, yKey = args.yKey
  const keep = args.keep
  const share: f32 = <f32>1.0 / <f32>C
  const last = sliceBegin(rows, thread + 1, threads)
  for (let m = sliceBegin(rows, thread, threads); m < last; m++) {
    const at = <usize>m * rowBytes
    const dy = args.dy + at, normal = args.normal + at, dz = args.dz + at
    const dx = args.dx != 0 ? args.dx + at : 0
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
    const inverse = f32x4.splat(load<f32>(args.rstd + (<usize>m << 2)))
    for (let i: usize = 0; i < rowBytes; i += 16) {
      const d = f32x4.sub(f32x4.mul(v128.load(dy + i), v128.load(gamma + i)), mean)
      const v = f32x4.mul(madd(v128.load(normal + i), slope, d), inverse)
      v128.store(dz + i, v)
      if (dx != 0) v128.store(dx + i, xKey != 0 ? dropLanes(v, xKey, index + <i32>(i >> 2), keep) : v)
    }
  }
}

/** dgamma = column sums of dy * normal, dbeta = column sums of dy; where `continues`, added to what is stored there. */
export function layernormGradient(record: usize, thread: i32, threads: i32): void {
  const args = changetype<LayernormGradientRecord>(record)
  const rows = args.M, C = args.C
  const rowBytes = <usize>C << 2
  const end = <usize>sliceBegin(C >> 2, thread + 1, threads) << 4
  for (let i = <usize>sliceBegin(C >> 2, thread, threads) << 4; i < end; i += 16) {
    let dy = args.dy + i, normal = args.normal + i
    let dgamma = f32x4.splat(0.0), dbeta = f32x4.splat(0.0)
    for (let m = 0; m < rows; m++) {
      const v = v128.load(dy)
      dgamma = madd(v, v128.load(normal), dgamma)
      dbeta = f32x4.add(dbeta, v)
      dy += rowBytes
      normal += rowBytes
    }
    if (args.continues != 0) {
      dgamma = f32x4.add(dgamma, v128.load(args.dgamma + i))
      dbeta = f32x4.add(dbeta, v128.load(args.dbeta + i))
    }
    v128.store(args.dgamma + i, dgamma)
    v128.store(args.dbeta + i, dbeta)
  }
}

/** y[b] = x[offsets[b]]. */
export function gatherFirst(record: usize, thread: i32, threads: i32): void {
  const args = changetype<GatherFirstRecord>(record)
  const rowBytes = <usize>args.C << 2
  const last = sliceBegin(args.B, thread + 1, threads)
  for (let b = sliceBegin(args.B, thread, threads); b < last; b++) {
    const from = args.x + <usize>load<i32>(args.offsets + (<usize>b << 2)) * rowBytes
    memory.copy(args.y + <usize>b * rowBytes, from, rowBytes)
  }
}

/** dx = 0, but dx[offsets[b]] = dy[b]. */
export function scatterFirst(record: usize, thread: i32, threads: i32): void {
  const args = changetype<ScatterFirstRecord>(record)
  const rowBytes = <usize>args.C << 2
  const offsets = args.offsets
  const last = sliceBegin(args.B, thread + 1, threads)
  for (let b = sliceBegin(args.B, thread, threads); b < last; b++) {
    const begin = <usize>load<i32>(offsets + (<usize>b << 2)) * rowBytes
    const end = <usize>load<i32>(offsets + (<usize>b << 2), 4) * rowBytes
    const dx = args.dx
    memory.copy(dx + begin, args.dy + <usize>b * rowBytes, rowBytes)
    memory.fill(dx + begin + rowBytes, 0, end - begin - rowBytes)
  }
}

/** y = drop(x), both [M, C]; C % 4 == 0 */
export function drop(record: usize, thread: i32, threads: i32): void {
  const args = changetype<DropRecord>(record)
  const quads = (args.M * args.C) >> 2
  const last = sliceBegin(quads, thread + 1, threads)
  for (let q = sliceBegin(quads, thread, threads); q < last; q++) {
    const at = <usize>q << 4
    const v = v128.load(args.x + at)
    v128.store(args.y + at, dropLanes(v, args.key, q << 2, args.keep))
  }
}
