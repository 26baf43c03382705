// dense-matmul, variant row.   y[M,N] = activation(x[M,K] W[N,K]^T + bias[N]) + residual[M,N], f32
// Contract   kernels/dense-matmul/contract.ts      WebAssembly  assembly/dense-matmul.ts
// Layout     x rows padded to 16 with 0; W packed [columns/64][K][64], see kernels/dense-matmul/webgpu.ts; up to three outputs side by side
// Plan       1 row x 16 columns per workgroup; 64 groups of 4 threads each take every 64th 4 inputs, 4 columns per thread; one sum at the end
// Needs      4 KiB of workgroup memory, 256 invocations; meant for one row or very few: weights are read once a row
// Source     own

// include lib/dense-dims.wgsl

// include lib/most.wgsl

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>; // [rows, inputStride / 4]
@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>; // [columns / 64, K, 16]
@group(0) @binding(3) var<storage, read> columns: array<vec4<f32>>; // [columns / 4] bias
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(5) var<storage, read_write> out0: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(6) var<storage, read_write> out1: array<vec4<f32>>; // [rows, stride1 / 4]
@group(0) @binding(7) var<storage, read_write> out2: array<vec4<f32>>; // [rows, stride2 / 4]
@group(0) @binding(8) var<uniform> dims: Dims;

var<workgroup> partial: array<vec4<f32>, 256>; // [64 groups][4 threads]

// include lib/activate.wgsl

// include lib/store.wgsl

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let slice = index / 4u;
  let lane = index % 4u;
  let column = group.x * 16u + lane * 4u;
  let x = inputsOf(group.y, column);
  let panel = (column / 64u) * (dims.K * 16u) + (column % 64u) / 4u;
  var sum = vec4<f32>();
  for (var i = 0u; i < MOST; i++) {
    let k = i * 64u + slice;
    if (k >= dims.K / 4u) {
      break;
    }
    let at = panel + k * 64u;
    let a = input[x + k];
    sum += a.x * weight[at];
    sum += a.y * weight[at + 16u];
    sum += a.z * weight[at + 32u];
    sum += a.w * weight[at + 48u];
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
