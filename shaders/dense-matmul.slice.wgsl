// dense-matmul, variant slice.   y[M,N] = activation(x[M,K] W[N,K]^T + bias[N]) + residual[M,N], f32
// Contract   kernels/dense-matmul/contract.ts      WebAssembly  assembly/dense-matmul.ts
// Layout     x rows padded to 16 with 0; W packed [columns/64][K][64], see kernels/dense-matmul/webgpu.ts; up to three outputs side by side
// Plan       16 rows x 32 columns per workgroup; 8 groups of 32 threads each take every eighth 4 inputs, 4 x 4 outputs per thread; one sum at the end
// Needs      16 KiB of workgroup memory, 256 invocations; meant for few rows
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

var<workgroup> partial: array<vec4<f32>, 1024>; // [8 groups][4 rows][32 threads]

// include lib/activate.wgsl

// include lib/store.wgsl

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let slice = index / 32u;
  let lane = index % 32u;
  let column = group.x * 32u + (lane % 8u) * 4u;
  let row = group.y * 16u + (lane / 8u) * 4u;
  let last = shape.x - 1u;
  let x0 = inputsOf(min(row, last), column);
  let x1 = inputsOf(min(row + 1u, last), column);
  let x2 = inputsOf(min(row + 2u, last), column);
  let x3 = inputsOf(min(row + 3u, last), column);
  let panel = (column / 64u) * (dims.K * 16u) + (column % 64u) / 4u;
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  for (var i = 0u; i < MOST; i++) {
    if (i >= (dims.K / 4u + 7u) / 8u) {
      break;
    }
    let k = i * 8u + slice;
    if (k < dims.K / 4u) {
      let at = panel + k * 64u;
      let w0 = weight[at];
      let w1 = weight[at + 16u];
      let w2 = weight[at + 32u];
      let w3 = weight[at + 48u];
      let a = input[x0 + k];
      let b = input[x1 + k];
      let c = input[x2 + k];
      let d = input[x3 + k];
      // include lib/add-products.wgsl
    }
  }
  partial[slice * 128u + lane] = sum0;
  partial[slice * 128u + 32u + lane] = sum1;
  partial[slice * 128u + 64u + lane] = sum2;
  partial[slice * 128u + 96u + lane] = sum3;
  workgroupBarrier();
  // 128 of the 256 threads add the 8 partial sums of 4 columns of one row each; % shows the compiler that no index is outside
  if (index < 128u) {
    var sum = partial[index];
    for (var i = 1u; i < 8u; i++) {
      sum += partial[i * 128u + index % 128u];
    }
    store(row + slice, column, sum);
  }
}
