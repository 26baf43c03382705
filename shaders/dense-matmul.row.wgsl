// dense-matmul, variant row.   y[M,N] = activation(x[M,K] W[N,K]^T + bias[N]) + residual[M,N], f32
// Contract   kernels/dense-matmul/contract.ts      Twin  assembly/dense-matmul.ts
// Layout     x rows padded to 16 with 0; W packed [columns/64][K][64], see kernels/dense-matmul/webgpu.ts; up to three outputs side by side
// Plan       1 row x 16 columns per workgroup; 64 groups of 4 threads each take every 64th 4 inputs, 4 columns per thread; one sum at the end
// Needs      4 KiB of workgroup memory, 256 invocations; meant for one row or very few: weights are read once a row
// Source     own

struct Dims {
  K: u32, // inputs per row with padding, a multiple of 16
  columns: u32, // columns of all outputs, each output padded to 64
  start1: u32, // first column of the second output, a multiple of 64
  start2: u32, // first column of the third output
  stride0: u32, // columns per row of each output, multiples of 16
  stride1: u32,
  stride2: u32,
  activation: u32, // 0 none, 1 gelu, 2 tanh
  hasResidual: u32, // 1: add it
}

// more rounds than any loop makes: a constant bound beside the break spares the compiler's guards against endless loops
const MOST = 0x1000000u;

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>; // [rows, K / 4]
@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>; // [columns / 64, K, 16]
@group(0) @binding(3) var<storage, read> columns: array<vec4<f32>>; // [columns / 4] bias
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(5) var<storage, read_write> out0: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(6) var<storage, read_write> out1: array<vec4<f32>>; // [rows, stride1 / 4]
@group(0) @binding(7) var<storage, read_write> out2: array<vec4<f32>>; // [rows, stride2 / 4]
@group(0) @binding(8) var<uniform> dims: Dims;

var<workgroup> partial: array<vec4<f32>, 256>; // [64 groups][4 threads]

// gelu in its erf form: erfc(|x| / sqrt 2) by Abramowitz and Stegun 7.1.26, off by at most 1.5e-7; arguments of exp and
// tanh are kept in a range where every driver is finite
fn activate(x: vec4<f32>) -> vec4<f32> {
  if (dims.activation == 1u) {
    let z = min(abs(x) * 0.70710678, vec4(9.0));
    let t = 1.0 / (1.0 + 0.3275911 * z);
    let series = 0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)));
    let tail = t * series * exp(-z * z);
    return 0.5 * x * select(2.0 - tail, tail, x < vec4(0.0));
  }
  if (dims.activation == 2u) {
    return tanh(clamp(x, vec4(-15.0), vec4(15.0)));
  }
  return x;
}

fn store(row: u32, column: u32, sum: vec4<f32>) {
  if (row >= shape.x || column >= dims.columns) {
    return;
  }
  var y = activate(sum + columns[column / 4u]);
  if (column < dims.start1) {
    if (column < dims.stride0) {
      let at = (row * dims.stride0 + column) / 4u;
      if (dims.hasResidual != 0u) {
        y += residual[at];
      }
      out0[at] = y;
    }
  } else if (column < dims.start2) {
    if (column - dims.start1 < dims.stride1) {
      out1[(row * dims.stride1 + column - dims.start1) / 4u] = y;
    }
  } else if (column - dims.start2 < dims.stride2) {
    out2[(row * dims.stride2 + column - dims.start2) / 4u] = y;
  }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let slice = index / 4u;
  let lane = index % 4u;
  let column = group.x * 16u + lane * 4u;
  let x = group.y * (dims.K / 4u);
  let panel = (column / 64u) * (dims.K * 16u) + (column % 64u) / 4u;
  var sum = vec4<f32>();
  for (var i = 0u; i < MOST; i++) {
    let k = i * 64u + slice;
    if (k >= dims.K / 4u) {
      break;
    }
    let at = panel + k * 64u;
    let a = input[x + k];
    sum += a.x * weight[at] + a.y * weight[at + 16u] + a.z * weight[at + 32u] + a.w * weight[at + 48u];
  }
  partial[index] = sum;
  workgroupBarrier();
  // 32 threads add 8 sums each, then 4 threads add theirs; % shows the compiler that no index is outside
  sum = vec4<f32>();
  for (var i = 0u; i < 8u; i++) {
    sum += partial[(slice % 8u) * 32u + i * 4u + lane];
  }
  workgroupBarrier();
  partial[index] = sum;
  workgroupBarrier();
  if (index < 4u) {
    for (var i = 1u; i < 8u; i++) {
      sum += partial[i * 4u + lane];
    }
    store(group.y, column, sum);
  }
}
