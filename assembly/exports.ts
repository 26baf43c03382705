// Made by scripts/generate-assembly.ts from the rows of kernels/*/variants*.ts; do not edit.
//
// The inner loops are exported so that the compiler keeps each a separate function, with its own registers, and
// kernels/wasm/codegen.test.ts can count their instructions. What a page loads does not have these exports (scripts/strip-exports.ts).

export {
  tile_f32_1x8,
  tile_f32_2x8,
  tile_f32_3x8,
  tile_f32_4x8,
  tile_f32_5x8,
  tile_f32_6x8,
} from './lib/tile-f32'
export {
  tile_int8_relaxed_1x8,
  tile_int8_relaxed_2x8,
  tile_int8_relaxed_3x8,
  tile_int8_relaxed_4x8,
  tile_int8_relaxed_5x8,
  tile_int8_relaxed_6x8,
} from './lib/tile-int8-relaxed'
export {
  tile_int8_i16_1x8,
  tile_int8_i16_2x8,
  tile_int8_i16_3x8,
  tile_int8_i16_4x8,
  tile_int8_i16_5x8,
  tile_i16_4x8,
  tile_i16_5x8,
} from './lib/tile-int8-i16'
export {
  csr_row_4,
  csr_row_8,
  csr_row_16,
  csr_row_32,
  csr_row_1,
  block_row_i16_4,
  block_row_i16_8,
  block_row_i16_16,
  block_row_i16_32,
  block_row_relaxed_4,
  block_row_relaxed_8,
  block_row_relaxed_16,
  block_row_relaxed_32,
  block_row_i16_1,
  block_row_relaxed_1,
} from './lib/sparse-rows'
export {
  tile_nm_4x8,
  tile_nm_5x8,
  tile_nm_6x8,
} from './lib/tile-nm'
