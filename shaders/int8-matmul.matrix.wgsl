// int8-matmul, variant matrix.   y[M,N] = activation(f32(A[M,K] . W[N,K]^T) (aScale[M] wScale[N]) + bias[N]) + residual[M,N]
// Contract   kernels/int8-matmul/contract.ts      WebAssembly  assembly/int8-matmul.ts
// Layout     A 4 inputs per word, rows in memory up to the next 16; W packed [columns/64][K/32][4 fragments][16 columns][32 inputs]
// Plan       4 subgroups of 32 rows x 64 columns, 2 x 4 matrix sums each, operands straight from memory, no barrier in the loop
// Needs      chromium_experimental_subgroup_matrix with i8 -> i32 of 16 x 16 x 32, subgroups of 32; K % 32 == 0; 16 KiB of workgroup memory
// Source     own; elements of matrices cannot be addressed, so the epilogue goes through workgroup memory

enable chromium_experimental_subgroup_matrix;
enable subgroups;

override SPLIT: u32 = 1u; // 1: the subgroups are below one another, 128 rows in all; 4: each takes a quarter of the inputs of the same 32 rows

// include lib/linear-dims.wgsl

// include lib/most.wgsl
const LANES = 32u; // threads of a subgroup

// columns come before rows in the types: A is 16 rows x 32 inputs, W 32 inputs x 16 columns
alias A = subgroup_matrix_left<i8, 32, 16>;
alias W = subgroup_matrix_right<i8, 16, 32>;
alias Sum = subgroup_matrix_result<i32, 16, 16>;

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

var<workgroup> staged: array<i32, 4096>; // [4 subgroups][16 rows][64 columns]

// include lib/activate.wgsl

// include lib/store-int8.wgsl

// from workgroup memory to the outputs: the upper (0) or lower (16) 16 rows of each subgroup, 4 columns per thread and round
fn finish(group: vec2<u32>, index: u32, half: u32) {
  for (var i = 0u; i < 256u / LANES / SPLIT; i++) {
    let slot = (index + i * (LANES * 4u)) % 1024u;
    let stack = slot / 256u;
    var sum = vec4<i32>();
    for (var t = 0u; t < SPLIT; t++) {
      let at = (((stack * SPLIT + t) * 256u + slot % 256u) * 4u) % 4096u;
      sum += vec4<i32>(staged[at], staged[at + 1u], staged[at + 2u], staged[at + 3u]);
    }
    let row = group.y * (128u / SPLIT) + stack * 32u + half + (slot % 256u) / 16u;
    store(row, group.x * 64u + (slot % 16u) * 4u, sum, aScale[min(row, shape.x - 1u)]);
  }
}

// offsets and strides of matrices of i8 count i8
@compute @workgroup_size(LANES * 4u)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) index: u32,
  @builtin(subgroup_id) subgroup: u32,
) {
  let firstRow = group.y * (128u / SPLIT) + (subgroup / SPLIT) * 32u;
  let lastTile = (shape.x - 1u) / 16u * 16u;
  let a0 = min(firstRow, lastTile) * dims.K;
  let a1 = min(firstRow + 16u, lastTile) * dims.K;
  let panel = group.x * (dims.K * 64u);
  var sum00 = Sum();
  var sum01 = Sum();
  var sum02 = Sum();
  var sum03 = Sum();
  var sum10 = Sum();
  var sum11 = Sum();
  var sum12 = Sum();
  var sum13 = Sum();
  for (var i = 0u; i < MOST; i++) {
    let step = i * SPLIT + subgroup % SPLIT;
    if (step >= dims.K / 32u) {
      break;
    }
    let x0 = subgroupMatrixLoad<A, row_major>(&input, a0 + step * 32u, dims.K);
    let x1 = subgroupMatrixLoad<A, row_major>(&input, a1 + step * 32u, dims.K);
    let at = panel + step * 2048u;
    let w0 = subgroupMatrixLoad<W, col_major>(&weight, at, 32u);
    sum00 = subgroupMatrixMultiplyAccumulate(x0, w0, sum00);
    sum10 = subgroupMatrixMultiplyAccumulate(x1, w0, sum10);
    let w1 = subgroupMatrixLoad<W, col_major>(&weight, at + 512u, 32u);
    sum01 = subgroupMatrixMultiplyAccumulate(x0, w1, sum01);
    sum11 = subgroupMatrixMultiplyAccumulate(x1, w1, sum11);
    let w2 = subgroupMatrixLoad<W, col_major>(&weight, at + 1024u, 32u);
    sum02 = subgroupMatrixMultiplyAccumulate(x0, w2, sum02);
    sum12 = subgroupMatrixMultiplyAccumulate(x1, w2, sum12);
    let w3 = subgroupMatrixLoad<W, col_major>(&weight, at + 1536u, 32u);
    sum03 = subgroupMatrixMultiplyAccumulate(x0, w3, sum03);
    sum13 = subgroupMatrixMultiplyAccumulate(x1, w3, sum13);
  }
  let own = subgroup * 1024u;
  subgroupMatrixStore<row_major>(&staged, own, sum00, 64u);
  subgroupMatrixStore<row_major>(&staged, own + 16u, sum01, 64u);
  subgroupMatrixStore<row_major>(&staged, own + 32u, sum02, 64u);
  subgroupMatrixStore<row_major>(&staged, own + 48u, sum03, 64u);
  workgroupBarrier();
  finish(group.xy, index, 0u);
  workgroupBarrier();
  subgroupMatrixStore<row_major>(&staged, own, sum10, 64u);
  subgroupMatrixStore<row_major>(&staged, own + 16u, sum11, 64u);
  subgroupMatrixStore<row_major>(&staged, own + 32u, sum12, 64u);
  subgroupMatrixStore<row_major>(&staged, own + 48u, sum13, 64u);
  workgroupBarrier();
  finish(group.xy, index, 16u);
}
