// LayerNorm of rows for engines that run pairs of vectors as one of 256 bits, as row-ops.ts computes it but for the order of its
// sums: residual and first sums in one pass, eight at a time; sums are stored as neighbours where they leave a loop.
// Needs    64 bytes of scratch

import { LayernormRecord } from './abi'
import { madd, sumLanes } from './lib/simd'
import { sliceBegin } from './tape'

/** y [C] = x + residual; returns its sum. `residual` may be 0 and C be no multiple of 8. */
function addRow(x: usize, residual: usize, C: i32, y: usize, scratch: usize): f32 {
  const eightsEnd = x + (<usize>(C & ~7) << 2), end = x + (<usize>C << 2)
  let sums = f32x4.splat(0.0), sums1 = sums
  // an address of 0 is that of zeros (ZEROS_ADDRESS)
  const step: usize = residual != 0 ? 32 : 0
  for (; x != eightsEnd; x += 32, y += 32, residual += step) {
    const v0 = f32x4.add(v128.load(x), v128.load(residual)), v1 = f32x4.add(v128.load(x, 16), v128.load(residual, 16))
    sums = f32x4.add(sums, v0)
    sums1 = f32x4.add(sums1, v1)
    v128.store(y, v1, 16)
    v128.store(y, v0)
  }
  v128.store(scratch, sums1, 16)
  v128.store(scratch, sums)
  let sum = sumLanes(f32x4.add(v128.load(scratch), v128.load(scratch, 16)))
  for (; x != end; x += 4, y += 4) {
    const v = load<f32>(x) + load<f32>(residual)
    store<f32>(y, v)
    sum += v
    if (step != 0) residual += 4
  }
  return sum
}

/** The sum of squares about `mean` of y [C]. */
function squaresOf(y: usize, C: i32, mean: f32, scratch: usize): f32 {
  const eightsEnd = y + (<usize>(C & ~7) << 2), end = y + (<usize>C << 2)
  const means = f32x4.splat(mean)
  let sums = f32x4.splat(0.0), sums1 = sums
  for (; y != eightsEnd; y += 32) {
    const d0 = f32x4.sub(v128.load(y), means), d1 = f32x4.sub(v128.load(y, 16), means)
    sums = madd(d0, d0, sums)
    sums1 = madd(d1, d1, sums1)
  }
  v128.store(scratch, sums1, 16)
  v128.store(scratch, sums)
  let sum = sumLanes(f32x4.add(v128.load(scratch), v128.load(scratch, 16)))
  for (; y != end; y += 4) {
    const d = load<f32>(y) - mean
    sum += d * d
  }
  return sum
}

/** y [C] = (y - mean) * inverse * gamma + beta */
function scaleRow(y: usize, C: i32, mean: f32, inverse: f32, gamma: usize, beta: usize): void {
  const eightsEnd = y + (<usize>(C & ~7) << 2), end = y + (<usize>C << 2)
  const means = f32x4.splat(mean), inverses = f32x4.splat(inverse)
  for (; y != eightsEnd; y += 32, gamma += 32, beta += 32) {
    const n0 = f32x4.mul(f32x4.sub(v128.load(y), means), inverses), n1 = f32x4.mul(f32x4.sub(v128.load(y, 16), means), inverses)
    const v0 = madd(n0, v128.load(gamma), v128.load(beta)), v1 = madd(n1, v128.load(gamma, 16), v128.load(beta, 16))
    v128.store(y, v1, 16)
    v128.store(y, v0)
  }
  for (; y != end; y += 4, gamma += 4, beta += 4)
    store<f32>(y, (load<f32>(y) - mean) * inverse * load<f32>(gamma) + load<f32>(beta))
}

/** y = LayerNorm(x + residual) of rows. */
export function layernormWide(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const args = changetype<LayernormRecord>(record)
  const rows = args.M, C = args.C
  const x = args.x, residual = args.residual, y = args.y
  const gamma = args.gamma, beta = args.beta
  const rowBytes = <usize>C << 2
  const last = sliceBegin(rows, thread + 1, threads)
  for (let m = sliceBegin(rows, thread, threads); m < last; m++) {
    const at = <usize>m * rowBytes
    const mean = addRow(x + at, residual != 0 ? residual + at : 0, C, y + at, scratch) / <f32>C
    const square = squaresOf(y + at, C, mean, scratch)
    scaleRow(y + at, C, mean, <f32>1.0 / sqrt<f32>(square / <f32>C + args.epsilon), gamma, beta)
  }
}
