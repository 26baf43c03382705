// int8-matmul, variant matrix.   y[M,N] = activation(f32(A[M,K] . W[N,K]^T) (aScale[M] wScale[N]) + bias[N]) + residual[M,N]
// Contract   kernels/int8-matmul/contract.ts      WebAssembly  assembly/int8-matmul.ts
// Layout     A 4 inputs per word, rows in memory up to the next 16; W packed [columns/64][K/32][4 fragments][16 columns][32 inputs]
// Plan       4 subgroups of 32 rows x 64 columns, 2 x 4 matrix sums each, operands straight from memory, no barrier in the loop
// Needs      chromium_experimental_subgroup_matrix with i8 -> i32 of 16 x 16 x 32, subgroups of 32; K % 32 == 0; 16 KiB of workgroup memory;
//            kernels/webgpu/matrix-shape.ts writes the constants of other shapes, with 8 subgroups of 16 rows or 16 of 8
// Source     own; elements of matrices cannot be addressed, so the epilogue goes through workgroup memory

enable chromium_experimental_subgroup_matrix;
enable subgroups;

override SPLIT: u32 = 1u; // 1: the subgroups are below one another, 128 rows in all; 4: each takes a quarter of the inputs of the rows of 4

// include lib/linear-dims.wgsl

// include lib/most.wgsl
// a matrix of activations is ROWS x INPUTS, of weights INPUTS x COLUMNS
const ROWS = 16u;
const COLUMNS = 16u;
const INPUTS = 32u;
const STACK = 32u; // rows of a subgroup, which has 64 columns
const LANES = 32u; // threads of a subgroup
const SUBGROUPS = 128u / STACK;
const DOWN = STACK / ROWS; // sums of a subgroup below one another, and beside one another
const ACROSS = 64u / COLUMNS;

// columns come before rows in the types
alias A = subgroup_matrix_left<i8, INPUTS, ROWS>;
alias W = subgroup_matrix_right<i8, COLUMNS, INPUTS>;
alias Sum = subgroup_matrix_result<i32, COLUMNS, ROWS>;

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<i32>; // [rows, K / 4], 4 s8 each
@group(0) @binding(2) var<storage, read> weight: array<i32>; // [columns / 64, K / 32, 4, 16, 8], 4 s8 each
@group(0) @binding(3) var<storage, read> columns: array<vec4<f32>>; // [columns / 4] bias, [columns / 4] wScale
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(5) var<storage, read_write> out0: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(6) var<storage, read_write> out1: array<vec4<f32>>; // [rows, stride1 / 4]
@group(0) @binding(7) var<storage, read_write> out2: array<vec4<f32>>; // [rows, stride2 / 4]
@group(0) @binding(8) var<storage, read> aScale: array<f32>; // [rows]
@group(0) @binding(9) var<uniform> dims: Dims;

var<workgroup> staged: array<i32, 4096>; // [subgroups][STACK rows][32 columns]

// include lib/activate.wgsl

// include lib/store-int8.wgsl

// from workgroup memory to the outputs: 32 columns of each row, 4 per thread and round
fn finish(group: vec2<u32>, index: u32, firstColumn: u32) {
  for (var i = 0u; i < 1024u / SPLIT / (LANES * SUBGROUPS); i++) {
    let slot = (index + i * (LANES * SUBGROUPS)) % 1024u;
    let stack = slot / (STACK * 8u);
    var sum = vec4<i32>();
    for (var t = 0u; t < SPLIT; t++) {
      let at = (((stack * SPLIT + t) * STACK * 8u + slot % (STACK * 8u)) * 4u) % 4096u;
      sum += vec4<i32>(staged[at], staged[at + 1u], staged[at + 2u], staged[at + 3u]);
    }
    let row = group.y * (128u / SPLIT) + slot / 8u;
    store(row, group.x * 64u + firstColumn + slot % 8u * 4u, sum, aScale[min(row, shape.x - 1u)]);
  }
}

// offsets and strides of matrices of i8 count i8
@compute @workgroup_size(LANES * SUBGROUPS)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) index: u32,
  @builtin(subgroup_id) subgroup: u32,
) {
  let firstRow = group.y * (128u / SPLIT) + (subgroup / SPLIT) * STACK;
  let lastTile = (shape.x - 1u) / ROWS * ROWS;
  let panel = group.x * (dims.K * 64u);
  var sums: array<Sum, DOWN * ACROSS>;
  for (var i = 0u; i < MOST; i++) {
    let step = i * SPLIT + subgroup % SPLIT;
    if (step >= dims.K / 32u) {
      break;
    }
    for (var p = 0u; p < 32u / INPUTS; p++) {
      let part = p * INPUTS;
      var x: array<A, DOWN>;
      for (var r = 0u; r < DOWN; r++) {
        x[r] = subgroupMatrixLoad<A, row_major>(&input, min(firstRow + r * ROWS, lastTile) * dims.K + step * 32u + part, dims.K);
      }
      // the four fragments of a step are 64 columns in a row
      let at = panel + step * 2048u + part;
      for (var c = 0u; c < ACROSS; c++) {
        let w = subgroupMatrixLoad<W, col_major>(&weight, at + c * (COLUMNS * 32u), 32u);
        for (var r = 0u; r < DOWN; r++) {
          sums[r * ACROSS + c] = subgroupMatrixMultiplyAccumulate(x[r], w, sums[r * ACROSS + c]);
        }
      }
    }
  }
  let own = subgroup * (STACK * 32u);
  for (var half = 0u; half < 2u; half++) {
    workgroupBarrier();
    for (var r = 0u; r < DOWN; r++) {
      for (var c = 0u; c < ACROSS / 2u; c++) {
        subgroupMatrixStore<row_major>(&staged, own + r * (ROWS * 32u) + c * COLUMNS, sums[r * ACROSS + half * (ACROSS / 2u) + c], 32u);
      }
    }
    workgroupBarrier();
    finish(group.xy, index, half * 32u);
  }
}
