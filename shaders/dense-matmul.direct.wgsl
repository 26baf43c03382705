// dense-matmul, variant direct.   y[M,N] = activation(x[M,K] W[N,K]^T + bias[N]) + residual[M,N], f32
// Contract   kernels/dense-matmul/contract.ts      WebAssembly  assembly/dense-matmul.ts
// Layout     x rows padded to 16 with 0; W packed [columns/64][K][64], see kernels/dense-matmul/webgpu.ts; up to three outputs side by side
// Plan       4 rows x 4 columns per thread, operands straight from memory: 4 vec4 sums, 8 vec4 loads per 64 products
// Needs      nothing: no workgroup memory, no feature
// Source     own; the shape follows what software adapters run fastest (jax-js, parakeet use the like)

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

// include lib/activate.wgsl

// include lib/store.wgsl

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let column = id.x * 4u;
  let row = id.y * 4u;
  if (column >= dims.columns || row >= shape.x) {
    return;
  }
  let last = shape.x - 1u;
  let x0 = inputsOf(row, column);
  let x1 = inputsOf(min(row + 1u, last), column);
  let x2 = inputsOf(min(row + 2u, last), column);
  let x3 = inputsOf(min(row + 3u, last), column);
  var at = (column / 64u) * (dims.K * 16u) + (column % 64u) / 4u;
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  for (var k = 0u; k < MOST; k++) {
    if (k >= dims.K / 4u) {
      break;
    }
    // include lib/load-weights.wgsl
    at += 64u;
    // include lib/load-inputs.wgsl
    // include lib/add-products.wgsl
  }
  // a loop, not 4 copies: less code to compile
  var sums = array<vec4<f32>, 4>(sum0, sum1, sum2, sum3);
  for (var i = 0u; i < 4u; i++) {
    let at = row + i;
    store(at, column, sums[i]);
  }
}
