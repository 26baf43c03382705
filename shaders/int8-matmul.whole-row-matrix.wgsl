// int8-matmul, variant whole-row-matrix.   y[M,N] = LayerNorm(f32(A[M,K] . W[N,K]^T) (aScale[M] wScale[N]) + bias[N] + residual[M,N]), A = quantized x; optionally also as s8
// Contract   kernels/int8-matmul/contract.ts      WebAssembly  assembly/int8-matmul.ts
// Layout     x and y f32, rows padded to 16 with 0; A 4 inputs per word, rows in memory up to the next 16; W packed [columns/64][K/32][4 fragments][16 columns][32 inputs]
// Plan       32 whole rows per workgroup of 8 subgroups: each quantizes 4 rows, multiplies half of the inputs with 64 of every 256 columns, normalises 4 rows
// Needs      chromium_experimental_subgroup_matrix with i8 -> i32 of 16 x 16 x 32, subgroups of 32; K % 32 == 0; 8.2 KiB of workgroup memory
// Source     own; the rule is kernels/program/quantization.ts

enable chromium_experimental_subgroup_matrix;
enable subgroups;

requires packed_4x8_integer_dot_product;

// include lib/whole-row-dims.wgsl

// include lib/most.wgsl
const LANES = 32u; // threads of a subgroup

// columns come before rows in the types: A is 16 rows x 32 inputs, W 32 inputs x 16 columns
alias A = subgroup_matrix_left<i8, 32, 16>;
alias W = subgroup_matrix_right<i8, 16, 32>;
alias Sum = subgroup_matrix_result<i32, 16, 16>;

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>; // [rows, K / 4]
@group(0) @binding(2) var<storage, read> weight: array<i32>; // [columns / 64, K / 32, 4, 16, 8], 4 s8 each
@group(0) @binding(3) var<storage, read> columns: array<vec4<f32>>; // [columns / 4] bias, [columns / 4] wScale, [stride / 4] gamma, [stride / 4] beta
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>; // [rows, stride / 4]
@group(0) @binding(5) var<storage, read_write> quantized: array<i32>; // [rows, K / 4], 4 s8 each: x, for this kernel alone
@group(0) @binding(6) var<storage, read_write> output: array<vec4<f32>>; // [rows, stride / 4]; holds sums until they are normalised
@group(0) @binding(7) var<storage, read_write> nextQuantized: array<u32>; // [rows, stride / 4], 4 s8 each
@group(0) @binding(8) var<storage, read_write> nextScales: array<f32>; // [rows]
@group(0) @binding(9) var<uniform> dims: Dims;

var<workgroup> staged: array<i32, 2048>; // [8 subgroups][16 rows][16 columns]
var<workgroup> aScale: array<f32, 32>; // [rows of the workgroup]

// include lib/quantize.wgsl

// a row of x to bytes, by one subgroup; returns its scale. All stay in the loop, and rows past the last are not written
fn quantizeRow(row: u32, lane: u32) -> f32 {
  let own = min(row, shape.x - 1u) * (dims.K / 4u);
  var seen = 0.0;
  for (var i = 0u; i < MOST; i++) {
    let k = i * LANES + lane;
    if (i * LANES >= dims.K / 4u) {
      break;
    }
    if (k < dims.K / 4u) {
      seen = max(seen, largestOf(input[own + k]));
    }
  }
  let amax = subgroupMax(seen);
  let inverse = select(inverseScale(amax), dims.fixedInverse, dims.fixedScale > 0.0);
  for (var i = 0u; i < MOST; i++) {
    let k = i * LANES + lane;
    if (i * LANES >= dims.K / 4u) {
      break;
    }
    if (row < shape.x && k < dims.K / 4u) {
      quantized[own + k] = bitcast<i32>(pack(input[own + k], inverse));
    }
  }
  return scaleOf(amax, dims.fixedScale);
}

// one fragment of each subgroup from workgroup memory to y: 16 columns of 4 panels, halves of the inputs added
fn finish(firstRow: u32, block: u32, index: u32, stack: u32, quarter: u32) {
  workgroupBarrier();
  for (var i = 0u; i < 32u / LANES; i++) {
    let slot = (index + i * (LANES * 8u)) % 256u;
    let panel = slot / 64u;
    let inStack = slot % 64u / 4u;
    let at = panel * 512u + inStack * 16u + slot % 4u * 4u;
    let sum = vec4<i32>(staged[at], staged[at + 1u], staged[at + 2u], staged[at + 3u]) +
      vec4<i32>(staged[at + 256u], staged[at + 257u], staged[at + 258u], staged[at + 259u]);
    let row = firstRow + stack * 16u + inStack;
    let column = block * 256u + panel * 64u + quarter * 16u + slot % 4u * 4u;
    if (row < shape.x && column < dims.stride) {
      let scale = aScale[stack * 16u + inStack] * columns[dims.columns / 4u + column / 4u];
      var y = vec4<f32>(sum) * scale + columns[column / 4u];
      if (dims.hasResidual != 0u) {
        y += residual[(row * dims.stride + column) / 4u];
      }
      output[(row * dims.stride + column) / 4u] = y;
    }
  }
  workgroupBarrier();
}

// LayerNorm of a row by one subgroup, and its bytes; rows past the last are not written
fn normalizeRow(row: u32, lane: u32) {
  let words = dims.stride / 4u;
  let own = min(row, shape.x - 1u) * words;
  var sums = vec4<f32>();
  for (var i = 0u; i < MOST; i++) {
    let k = i * LANES + lane;
    if (i * LANES >= words) {
      break;
    }
    if (k < words) {
      sums += output[own + k];
    }
  }
  let mean = subgroupAdd(sums.x + sums.y + sums.z + sums.w) / f32(dims.C);
  var squares = vec4<f32>();
  for (var i = 0u; i < MOST; i++) {
    let k = i * LANES + lane;
    if (i * LANES >= words) {
      break;
    }
    if (k < words) {
      let d = select(vec4<f32>(), output[own + k] - mean, vec4(0u, 1u, 2u, 3u) + k * 4u < vec4(dims.C));
      squares += d * d;
    }
  }
  let variance = subgroupAdd(squares.x + squares.y + squares.z + squares.w) / f32(dims.C);
  let deviation = sqrt(variance + dims.epsilon);
  var seen = 0.0;
  for (var i = 0u; i < MOST; i++) {
    let k = i * LANES + lane;
    if (i * LANES >= words) {
      break;
    }
    if (row < shape.x && k < words) {
      let gamma = dims.columns / 2u + k;
      let y = (output[own + k] - mean) / deviation * columns[gamma] + columns[gamma + words];
      output[own + k] = y;
      seen = max(seen, largestOf(y));
    }
  }
  let amax = subgroupMax(seen);
  if (dims.quantize == 0u || row >= shape.x) {
    return;
  }
  let inverse = select(inverseScale(amax), dims.nextInverse, dims.nextScale > 0.0);
  for (var i = 0u; i < MOST; i++) {
    let k = i * LANES + lane;
    if (i * LANES >= words) {
      break;
    }
    if (k < words) {
      nextQuantized[own + k] = pack(output[own + k], inverse);
    }
  }
  if (lane == 0u) {
    nextScales[row] = scaleOf(amax, dims.nextScale);
  }
}

// offsets and strides of matrices of i8 count i8
@compute @workgroup_size(LANES * 8u)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) index: u32,
  @builtin(subgroup_id) subgroup: u32,
) {
  let firstRow = group.x * 32u;
  let lane = index % LANES;
  for (var i = 0u; i < 4u; i++) {
    let scale = quantizeRow(firstRow + subgroup * 4u + i, lane);
    if (lane == 0u) {
      aScale[(subgroup * 4u + i) % 32u] = scale;
    }
  }
  storageBarrier();
  workgroupBarrier();
  let lastTile = (shape.x - 1u) / 16u * 16u;
  let a0 = min(firstRow, lastTile) * dims.K;
  let a1 = min(firstRow + 16u, lastTile) * dims.K;
  let own = subgroup * 256u;
  for (var block = 0u; block < MOST; block++) {
    if (block * 256u >= dims.columns) {
      break;
    }
    // subgroups past the last panel repeat it, and nothing of it is stored
    let panel = min(block * 4u + subgroup / 2u, dims.columns / 64u - 1u) * (dims.K * 64u);
    var sum00 = Sum();
    var sum01 = Sum();
    var sum02 = Sum();
    var sum03 = Sum();
    var sum10 = Sum();
    var sum11 = Sum();
    var sum12 = Sum();
    var sum13 = Sum();
    for (var i = 0u; i < MOST; i++) {
      let step = i * 2u + subgroup % 2u;
      if (step >= dims.K / 32u) {
        break;
      }
      let x0 = subgroupMatrixLoad<A, row_major>(&quantized, a0 + step * 32u, dims.K);
      let x1 = subgroupMatrixLoad<A, row_major>(&quantized, a1 + step * 32u, dims.K);
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
    subgroupMatrixStore<row_major>(&staged, own, sum00, 16u);
    finish(firstRow, block, index, 0u, 0u);
    subgroupMatrixStore<row_major>(&staged, own, sum01, 16u);
    finish(firstRow, block, index, 0u, 1u);
    subgroupMatrixStore<row_major>(&staged, own, sum02, 16u);
    finish(firstRow, block, index, 0u, 2u);
    subgroupMatrixStore<row_major>(&staged, own, sum03, 16u);
    finish(firstRow, block, index, 0u, 3u);
    subgroupMatrixStore<row_major>(&staged, own, sum10, 16u);
    finish(firstRow, block, index, 1u, 0u);
    subgroupMatrixStore<row_major>(&staged, own, sum11, 16u);
    finish(firstRow, block, index, 1u, 1u);
    subgroupMatrixStore<row_major>(&staged, own, sum12, 16u);
    finish(firstRow, block, index, 1u, 2u);
    subgroupMatrixStore<row_major>(&staged, own, sum13, 16u);
    finish(firstRow, block, index, 1u, 3u);
  }
  storageBarrier();
  workgroupBarrier();
  for (var i = 0u; i < 4u; i++) {
    normalizeRow(firstRow + subgroup * 4u + i, lane);
  }
}
