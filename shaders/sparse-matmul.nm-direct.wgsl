// sparse-matmul n:m f32, variant direct.   y[M,N] = activation(x[M,K] W[N,K]^T + bias[N]) + residual[M,N], the stored weights alone
// Contract   kernels/sparse-matmul/contract.ts      WebAssembly  assembly/sparse-matmul.ts
// Layout     index lists [columns/32, P]; values [columns/32, P, 32 columns]: one index serves 32 columns
// Plan       4 rows x 4 columns per thread, x gathered straight from memory
// Needs      no workgroup memory
// Source     own

// include lib/nm-dims.wgsl

// include lib/most.wgsl

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<f32>; // [rows, K]
@group(0) @binding(2) var<storage, read> values: array<vec4<f32>>; // [columns / 32, P, 8]
@group(0) @binding(3) var<storage, read> columns: array<vec4<f32>>; // [columns / 4] bias
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(5) var<storage, read_write> out0: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(6) var<storage, read_write> out1: array<vec4<f32>>; // [rows, stride1 / 4]
@group(0) @binding(7) var<storage, read_write> out2: array<vec4<f32>>; // [rows, stride2 / 4]
@group(0) @binding(8) var<storage, read> indices: array<u32>; // [columns / 32, P]
@group(0) @binding(9) var<uniform> dims: Dims;

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
  let x0 = row * dims.K;
  let x1 = min(row + 1u, last) * dims.K;
  let x2 = min(row + 2u, last) * dims.K;
  let x3 = min(row + 3u, last) * dims.K;
  let list = (column / 32u) * dims.P;
  let lane = (column % 32u) / 4u;
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  for (var p = 0u; p < MOST; p++) {
    if (p >= dims.P) {
      break;
    }
    let k = indices[list + p];
    let w = values[(list + p) * 8u + lane];
    sum0 += input[x0 + k] * w;
    sum1 += input[x1 + k] * w;
    sum2 += input[x2 + k] * w;
    sum3 += input[x3 + k] * w;
  }
  // a loop, not 4 copies: less code to compile
  var sums = array<vec4<f32>, 4>(sum0, sum1, sum2, sum3);
  for (var i = 0u; i < 4u; i++) {
    let at = row + i;
    store(at, column, sums[i]);
  }
}
