// sparse-matmul n:m f32, variant tiled.   y[M,N] = activation(x[M,K] W[N,K]^T + bias[N]) + residual[M,N], the stored weights alone
// Contract   kernels/sparse-matmul/contract.ts      WebAssembly  assembly/sparse-matmul.ts
// Layout     index lists [columns/32, P]; values [columns/32, P, 32 columns]: one index serves 32 columns
// Plan       256 columns x 4 rows per workgroup of 64; the 4 rows staged as vec4 in runs of tile inputs, one read serves 16 products
// Needs      16 KiB of workgroup memory; tile <= 1024, a multiple of m; tileP = tile n / m
// Source     own

struct Dims {
  K: u32, // inputs per row with padding, a multiple of 16
  // include lib/outputs.wgsl
  P: u32, // kept inputs per group of 32 columns
  tile: u32, // inputs the tiled kernel stages at once
  tileP: u32, // kept inputs among them
}

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

var<workgroup> tile: array<vec4<f32>, 1024>; // [tile] x of 4 rows

// include lib/activate.wgsl

// include lib/store.wgsl

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let column = group.x * 256u + index * 4u;
  let row = group.y * 4u;
  let last = shape.x - 1u;
  let x0 = row * dims.K;
  let x1 = min(row + 1u, last) * dims.K;
  let x2 = min(row + 2u, last) * dims.K;
  let x3 = min(row + 3u, last) * dims.K;
  let list = (min(column, dims.columns - 1u) / 32u) * dims.P;
  let lane = (column % 32u) / 4u;
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  for (var step = 0u; step < MOST; step++) {
    if (step >= (dims.P + dims.tileP - 1u) / dims.tileP) {
      break;
    }
    let base = step * dims.tile;
    for (var i = 0u; i < 16u; i++) {
      let slot = i * 64u + index;
      let k = base + slot;
      if (slot < dims.tile && k < dims.K) {
        tile[slot] = vec4(input[x0 + k], input[x1 + k], input[x2 + k], input[x3 + k]);
      }
    }
    workgroupBarrier();
    for (var i = 0u; i < MOST; i++) {
      if (i >= dims.tileP) {
        break;
      }
      let p = step * dims.tileP + i;
      if (p >= dims.P) {
        break;
      }
      let x = tile[indices[list + p] - base];
      let w = values[(list + p) * 8u + lane];
      sum0 += x.x * w;
      sum1 += x.y * w;
      sum2 += x.z * w;
      sum3 += x.w * w;
    }
    workgroupBarrier();
  }
  // a loop, not 4 copies: less code to compile
  var sums = array<vec4<f32>, 4>(sum0, sum1, sum2, sum3);
  for (var i = 0u; i < 4u; i++) {
    let at = row + i;
    store(at, column, sums[i]);
  }
}
