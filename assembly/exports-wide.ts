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
