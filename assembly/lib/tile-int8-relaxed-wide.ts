// int8 micro-kernel by relaxed dot for engines that run pairs of vectors as one of 256 bits:
// sums[rows][16] i32 = start[16] + A[rows,K] bytes . B[K,16] s8, rows = 1..6.
// Layout   as tile-int8-relaxed.ts, B one packed panel [K/4][16][4] s8, sums [rows][16] i32
// Plan     6x16: 24 sums + 4 of B + 1 splat of four A are 12 + 2 + 1 registers where neighbours are joined and the engine adds
//          in place (vpdpbusd)
// Needs    as tile-int8-relaxed.ts

/** Of four K of 16 outputs. */
const LINE_BYTES: usize = 64

// @ts-ignore: decorator
@inline
function tile(rows: i32, a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  let a1: usize = 0, a2: usize = 0, a3: usize = 0, a4: usize = 0, a5: usize = 0
  if (rows > 1) a1 = a + aStride
  if (rows > 2) a2 = a1 + aStride
  if (rows > 3) a3 = a2 + aStride
  if (rows > 4) a4 = a3 + aStride
  if (rows > 5) a5 = a4 + aStride
  const s0 = v128.load(start), s1 = v128.load(start, 16), s2 = v128.load(start, 32), s3 = v128.load(start, 48)
  let c00 = s0, c01 = s1, c02 = s2, c03 = s3
  let c10 = s0, c11 = s1, c12 = s2, c13 = s3
  let c20 = s0, c21 = s1, c22 = s2, c23 = s3
  let c30 = s0, c31 = s1, c32 = s2, c33 = s3
  let c40 = s0, c41 = s1, c42 = s2, c43 = s3
  let c50 = s0, c51 = s1, c52 = s2, c53 = s3
  while (b != bEnd) {
    let b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48)
    let s = v128.load32_splat(a); c00 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, s, c00); c01 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, s, c01); c02 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b2, s, c02); c03 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b3, s, c03)
    if (rows > 1) { s = v128.load32_splat(a1); c10 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, s, c10); c11 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, s, c11); c12 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b2, s, c12); c13 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b3, s, c13) }
    if (rows > 2) { s = v128.load32_splat(a2); c20 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, s, c20); c21 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, s, c21); c22 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b2, s, c22); c23 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b3, s, c23) }
    if (rows > 3) { s = v128.load32_splat(a3); c30 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, s, c30); c31 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, s, c31); c32 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b2, s, c32); c33 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b3, s, c33) }
    if (rows > 4) { s = v128.load32_splat(a4); c40 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, s, c40); c41 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, s, c41); c42 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b2, s, c42); c43 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b3, s, c43) }
    if (rows > 5) { s = v128.load32_splat(a5); c50 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, s, c50); c51 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, s, c51); c52 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b2, s, c52); c53 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b3, s, c53) }
    if (b + LINE_BYTES == bEnd) break
    b0 = v128.load(b, 64); b1 = v128.load(b, 80); b2 = v128.load(b, 96); b3 = v128.load(b, 112)
    s = v128.load32_splat(a, 4); c00 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, s, c00); c01 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, s, c01); c02 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b2, s, c02); c03 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b3, s, c03)
    if (rows > 1) { s = v128.load32_splat(a1, 4); c10 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, s, c10); c11 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, s, c11); c12 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b2, s, c12); c13 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b3, s, c13) }
    if (rows > 2) { s = v128.load32_splat(a2, 4); c20 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, s, c20); c21 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, s, c21); c22 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b2, s, c22); c23 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b3, s, c23) }
    if (rows > 3) { s = v128.load32_splat(a3, 4); c30 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, s, c30); c31 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, s, c31); c32 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b2, s, c32); c33 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b3, s, c33) }
    if (rows > 4) { s = v128.load32_splat(a4, 4); c40 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, s, c40); c41 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, s, c41); c42 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b2, s, c42); c43 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b3, s, c43) }
    if (rows > 5) { s = v128.load32_splat(a5, 4); c50 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b0, s, c50); c51 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b1, s, c51); c52 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b2, s, c52); c53 = i32x4.relaxed_dot_i8x16_i7x16_add_s(b3, s, c53) }
    a += 8
    if (rows > 1) a1 += 8
    if (rows > 2) a2 += 8
    if (rows > 3) a3 += 8
    if (rows > 4) a4 += 8
    if (rows > 5) a5 += 8
    b += 2 * LINE_BYTES
  }
  v128.store(sums, c01, 16); v128.store(sums, c00); v128.store(sums, c03, 48); v128.store(sums, c02, 32)
  if (rows > 1) { v128.store(sums, c11, 80); v128.store(sums, c10, 64); v128.store(sums, c13, 112); v128.store(sums, c12, 96) }
  if (rows > 2) { v128.store(sums, c21, 144); v128.store(sums, c20, 128); v128.store(sums, c23, 176); v128.store(sums, c22, 160) }
  if (rows > 3) { v128.store(sums, c31, 208); v128.store(sums, c30, 192); v128.store(sums, c33, 240); v128.store(sums, c32, 224) }
  if (rows > 4) { v128.store(sums, c41, 272); v128.store(sums, c40, 256); v128.store(sums, c43, 304); v128.store(sums, c42, 288) }
  if (rows > 5) { v128.store(sums, c51, 336); v128.store(sums, c50, 320); v128.store(sums, c53, 368); v128.store(sums, c52, 352) }
}

export function tile_int8_relaxed_1x16(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  tile(1, a, aStride, b, bEnd, start, sums)
}
export function tile_int8_relaxed_2x16(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  tile(2, a, aStride, b, bEnd, start, sums)
}
export function tile_int8_relaxed_3x16(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  tile(3, a, aStride, b, bEnd, start, sums)
}
export function tile_int8_relaxed_4x16(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  tile(4, a, aStride, b, bEnd, start, sums)
}
export function tile_int8_relaxed_5x16(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  tile(5, a, aStride, b, bEnd, start, sums)
}
export function tile_int8_relaxed_6x16(a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  tile(6, a, aStride, b, bEnd, start, sums)
}

/** sums[rows][16] = start[16] + A . B; `b` to `bEnd` is the panel. */
// @ts-ignore: decorator
@inline
export function tileInt8RelaxedWide(rows: i32, a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, sums: usize): void {
  switch (rows) {
    case 1: tile_int8_relaxed_1x16(a, aStride, b, bEnd, start, sums); break
    case 2: tile_int8_relaxed_2x16(a, aStride, b, bEnd, start, sums); break
    case 3: tile_int8_relaxed_3x16(a, aStride, b, bEnd, start, sums); break
    case 4: tile_int8_relaxed_4x16(a, aStride, b, bEnd, start, sums); break
    case 5: tile_int8_relaxed_5x16(a, aStride, b, bEnd, start, sums); break
    default: tile_int8_relaxed_6x16(a, aStride, b, bEnd, start, sums)
  }
}
