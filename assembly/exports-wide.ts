// Made by scripts/generate-assembly.ts from the rows of kernels/*/variants*.ts; do not edit.
//
// The inner loops are exported so that the compiler keeps each a separate function, with its own registers, and
// kernels/wasm/codegen.test.ts can count their instructions. What a page loads does not have these exports (scripts/strip-exports.ts).

export {
  tile_f32_1x16,
  tile_f32_2x16,
  tile_f32_3x16,
  tile_f32_4x16,
  tile_f32_5x16,
  tile_f32_6x16,
} from './lib/tile-f32-wide'
export {
  tile_int8_relaxed_1x16,
  tile_int8_relaxed_2x16,
  tile_int8_relaxed_3x16,
  tile_int8_relaxed_4x16,
  tile_int8_relaxed_5x16,
  tile_int8_relaxed_6x16,
} from './lib/tile-int8-relaxed-wide'
export {
  tile_int8_i16_1x16,
  tile_int8_i16_2x16,
  tile_int8_i16_3x16,
  tile_int8_i16_4x16,
  tile_int8_i16_5x16,
  tile_i16_4x16,
  tile_i16_5x16,
} from './lib/tile-int8-i16-wide'
export {
  csr_row_wide_32,
  block_row_relaxed_wide_32,
} from './lib/sparse-rows-wide'
export {
  tile_nm_4x16,
  tile_nm_5x16,
  tile_nm_6x16,
} from './lib/tile-nm'
export {
  finish_f32_16,
  finish_f32_8,
  finish_f32_gelu_16,
  finish_f32_gelu_8,
  finish_int8_16,
  finish_int8_8,
  finish_int8_gelu_16,
  finish_int8_gelu_8,
  finish_rows,
  finish_rows_gelu,
} from './lib/epilogue-wide'
