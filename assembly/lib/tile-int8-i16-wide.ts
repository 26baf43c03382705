// int8 micro-kernel by i32x4.dot_i16x8_s for engines that run pairs of vectors as one of 256 bits:
// sums[rows][16] i32 = start[16] + A[rows,K] i16 . B[K,16] s8, rows = 1..5.
// Layout   as tile-int8-i16.ts, B one packed panel [K/2][16][2] s8, sums [rows][16] i32
// Plan     5x16: 20 sums + 4 of B widened + 1 splat of two A + 2 products are 10 + 2 + 1 + 1 registers where neighbours are
//          joined. Widening loads are joined only at offsets that are not 0, so that `b` begins 8 bytes early. One and two
//          rows have sums of their own for every other pair of K
// Needs    K % 4 == 0; exact in i32 up to K = 133144 (kernels/int8-matmul/contract.ts `range`)

/** Of two K of 16 outputs. */
const PAIR_BYTES: usize = 32
/** What widening loads are ahead of their address. */
const EARLY: usize = 8

// @ts-ignore: decorator
@inline
function tile(rows: i32, a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  let a1: usize = 0, a2: usize = 0, a3: usize = 0, a4: usize = 0
  if (rows > 1) a1 = a + aStride
  if (rows > 2) a2 = a1 + aStride
  if (rows > 3) a3 = a2 + aStride
  if (rows > 4) a4 = a3 + aStride
  b -= EARLY
  bEnd -= EARLY
  const s0 = v128.load(start), s1 = v128.load(start, 16), s2 = v128.load(start, 32), s3 = v128.load(start, 48)
  let c00 = s0, c01 = s1, c02 = s2, c03 = s3
  let c10 = s0, c11 = s1, c12 = s2, c13 = s3
  let c20 = s0, c21 = s1, c22 = s2, c23 = s3
  let c30 = s0, c31 = s1, c32 = s2, c33 = s3
  let c40 = s0, c41 = s1, c42 = s2, c43 = s3
  while (b != bEnd) {
    let b0 = v128.load_ext<i8>(b, 8), b1 = v128.load_ext<i8>(b, 16), b2 = v128.load_ext<i8>(b, 24), b3 = v128.load_ext<i8>(b, 32)
    let s = v128.load32_splat(a); c00 = i32x4.add(c00, i32x4.dot_i16x8_s(s, b0)); c01 = i32x4.add(c01, i32x4.dot_i16x8_s(s, b1)); c02 = i32x4.add(c02, i32x4.dot_i16x8_s(s, b2)); c03 = i32x4.add(c03, i32x4.dot_i16x8_s(s, b3))
    if (rows > 1) { s = v128.load32_splat(a1); c10 = i32x4.add(c10, i32x4.dot_i16x8_s(s, b0)); c11 = i32x4.add(c11, i32x4.dot_i16x8_s(s, b1)); c12 = i32x4.add(c12, i32x4.dot_i16x8_s(s, b2)); c13 = i32x4.add(c13, i32x4.dot_i16x8_s(s, b3)) }
    if (rows > 2) { s = v128.load32_splat(a2); c20 = i32x4.add(c20, i32x4.dot_i16x8_s(s, b0)); c21 = i32x4.add(c21, i32x4.dot_i16x8_s(s, b1)); c22 = i32x4.add(c22, i32x4.dot_i16x8_s(s, b2)); c23 = i32x4.add(c23, i32x4.dot_i16x8_s(s, b3)) }
    if (rows > 3) { s = v128.load32_splat(a3); c30 = i32x4.add(c30, i32x4.dot_i16x8_s(s, b0)); c31 = i32x4.add(c31, i32x4.dot_i16x8_s(s, b1)); c32 = i32x4.add(c32, i32x4.dot_i16x8_s(s, b2)); c33 = i32x4.add(c33, i32x4.dot_i16x8_s(s, b3)) }
    if (rows > 4) { s = v128.load32_splat(a4); c40 = i32x4.add(c40, i32x4.dot_i16x8_s(s, b0)); c41 = i32x4.add(c41, i32x4.dot_i16x8_s(s, b1)); c42 = i32x4.add(c42, i32x4.dot_i16x8_s(s, b2)); c43 = i32x4.add(c43, i32x4.dot_i16x8_s(s, b3)) }
    if (b + PAIR_BYTES == bEnd) break
    b0 = v128.load_ext<i8>(b, 40); b1 = v128.load_ext<i8>(b, 48); b2 = v128.load_ext<i8>(b, 56); b3 = v128.load_ext<i8>(b, 64)
    s = v128.load32_splat(a, 4); c00 = i32x4.add(c00, i32x4.dot_i16x8_s(s, b0)); c01 = i32x4.add(c01, i32x4.dot_i16x8_s(s, b1)); c02 = i32x4.add(c02, i32x4.dot_i16x8_s(s, b2)); c03 = i32x4.add(c03, i32x4.dot_i16x8_s(s, b3))
    if (rows > 1) { s = v128.load32_splat(a1, 4); c10 = i32x4.add(c10, i32x4.dot_i16x8_s(s, b0)); c11 = i32x4.add(c11, i32x4.dot_i16x8_s(s, b1)); c12 = i32x4.add(c12, i32x4.dot_i16x8_s(s, b2)); c13 = i32x4.add(c13, i32x4.dot_i16x8_s(s, b3)) }
    if (rows > 2) { s = v128.load32_splat(a2, 4); c20 = i32x4.add(c20, i32x4.dot_i16x8_s(s, b0)); c21 = i32x4.add(c21, i32x4.dot_i16x8_s(s, b1)); c22 = i32x4.add(c22, i32x4.dot_i16x8_s(s, b2)); c23 = i32x4.add(c23, i32x4.dot_i16x8_s(s, b3)) }
    if (rows > 3) { s = v128.load32_splat(a3, 4); c30 = i32x4.add(c30, i32x4.dot_i16x8_s(s, b0)); c31 = i32x4.add(c31, i32x4.dot_i16x8_s(s, b1)); c32 = i32x4.add(c32, i32x4.dot_i16x8_s(s, b2)); c33 = i32x4.add(c33, i32x4.dot_i16x8_s(s, b3)) }
    if (rows > 4) { s = v128.load32_splat(a4, 4); c40 = i32x4.add(c40, i32x4.dot_i16x8_s(s, b0)); c41 = i32x4.add(c41, i32x4.dot_i16x8_s(s, b1)); c42 = i32x4.add(c42, i32x4.dot_i16x8_s(s, b2)); c43 = i32x4.add(c43, i32x4.dot_i16x8_s(s, b3)) }
    a += 8
    if (rows > 1) a1 += 8
    if (rows > 2) a2 += 8
    if (rows > 3) a3 += 8
    if (rows > 4) a4 += 8
    b += 2 * PAIR_BYTES
  }
  v128.store(sums, c01, 16); v128.store(sums, c00); v128.store(sums, c03, 48); v128.store(sums, c02, 32)
  if (rows > 1) { v128.store(sums, c11, 80); v128.store(sums, c10, 64); v128.store(sums, c13, 112); v128.store(sums, c12, 96) }
  if (rows > 2) { v128.store(sums, c21, 144); v128.store(sums, c20, 128); v128.store(sums, c23, 176); v128.store(sums, c22, 160) }
  if (rows > 3) { v128.store(sums, c31, 208); v128.store(sums, c30, 192); v128.store(sums, c33, 240); v128.store(sums, c32, 224) }
  if (rows > 4) { v128.store(sums, c41, 272); v128.store(sums, c40, 256); v128.store(sums, c43, 304); v128.store(sums, c42, 288) }
}

export function tile_int8_i16_1x16(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  tile(1, a, aStride, b, bEnd, start, sums)
}
export function tile_int8_i16_2x16(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  tile(2, a, aStride, b, bEnd, start, sums)
}
export function tile_int8_i16_3x16(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  tile(3, a, aStride, b, bEnd, start, sums)
}
export function tile_int8_i16_4x16(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  tile(4, a, aStride, b, bEnd, start, sums)
}
export function tile_int8_i16_5x16(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  tile(5, a, aStride, b, bEnd, start, sums)
}

/** sums[rows][16] = start[16] + A . B; `b` to `bEnd` is the panel. */
// @ts-ignore: decorator
@inline
export function tileInt8I16Wide(rows: i32, a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  switch (rows) {
    case 1: tile_int8_i16_1x16(a, aStride, b, bEnd, start, sums); break
    case 2: tile_int8_i16_2x16(a, aStride, b, bEnd, start, sums); break
    case 3: tile_int8_i16_3x16(a, aStride, b, bEnd, start, sums); break
    case 4: tile_int8_i16_4x16(a, aStride, b, bEnd, start, sums); break
    default: tile_int8_i16_5x16(a, aStride, b, bEnd, start, sums)
  }
}
