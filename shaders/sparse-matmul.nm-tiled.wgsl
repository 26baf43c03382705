// sparse-matmul n:m f32, variant tiled.   y[M,N] = activation(x[M,K] W[N,K]^T + bias[N]) + residual[M,N], the stored weights alone
// Contract   kernels/sparse-matmul/contract.ts      WebAssembly  assembly/sparse-matmul.ts
// Layout     index lists [columns/32, P]; values [columns/32, P, 32 columns]: one index serves 32 columns
// Plan       ROWS rows x 32 columns per workgroup, 4 x 4 outputs per thread; 1024 / ROWS kept inputs a step, gathered once for all columns, 8 of them for each of 128 / ROWS groups of threads; one sum at the end
// Needs      16 KiB of workgroup memory, 256 invocations
// Source     own

override ROWS: u32 = 16u; // rows per workgroup: 16 or 64

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

var<workgroup> partial: array<vec4<f32>, 1024>; // [2 steps][1024 / ROWS inputs][4 rows of ROWS / 4, 1 unused]; at the end sums [128 / ROWS groups][4 rows][2 ROWS threads]

// include lib/activate.wgsl

// include lib/store.wgsl

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let firstRow = group.y * ROWS;
  let list = group.x * dims.P;
  // gathers one input of a step for 4 rows
  let own = index % (1024u / ROWS);
  let quad = index / (1024u / ROWS);
  let last = shape.x - 1u;
  let x0 = min(firstRow + quad * 4u, last) * dims.K;
  let x1 = min(firstRow + quad * 4u + 1u, last) * dims.K;
  let x2 = min(firstRow + quad * 4u + 2u, last) * dims.K;
  let x3 = min(firstRow + quad * 4u + 3u, last) * dims.K;
  // multiplies 8 inputs of a step, 4 columns, 4 rows
  let slice = index / (2u * ROWS);
  let lane = index % (2u * ROWS);
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  for (var step = 0u; step < MOST; step++) {
    let first = step * (1024u / ROWS);
    if (first >= dims.P) {
      break;
    }
    // weights are on their way while inputs are gathered; past the end they meet zeros
    let at = (list + min(first + slice * 8u, dims.P - 8u)) * 8u + lane % 8u;
    var w = array<vec4<f32>, 8>();
    for (var i = 0u; i < 8u; i++) {
      w[i] = values[at + i * 8u];
    }
    var x = vec4<f32>();
    if (first + own < dims.P) {
      let k = indices[list + first + own];
      x = vec4(input[x0 + k], input[x1 + k], input[x2 + k], input[x3 + k]);
    }
    // two steps take turns, so that one barrier is enough
    let staged = step % 2u * 320u;
    partial[staged + own * (ROWS / 4u + 1u) + quad] = x;
    workgroupBarrier();
    let at0 = staged + slice * (ROWS * 2u + 8u) + lane / 8u;
    for (var i = 0u; i < 8u; i++) {
      let x = partial[at0 + i * (ROWS / 4u + 1u)];
      sum0 += x.x * w[i];
      sum1 += x.y * w[i];
      sum2 += x.z * w[i];
      sum3 += x.w * w[i];
    }
  }
  workgroupBarrier();
  partial[slice * (8u * ROWS) + lane] = sum0;
  partial[slice * (8u * ROWS) + 2u * ROWS + lane] = sum1;
  partial[slice * (8u * ROWS) + 4u * ROWS + lane] = sum2;
  partial[slice * (8u * ROWS) + 6u * ROWS + lane] = sum3;
  workgroupBarrier();
  for (var i = 0u; i < (ROWS + 31u) / 32u; i++) {
    let slot = i * 256u + index;
    if (slot < 8u * ROWS) {
      var sum = partial[slot];
      for (var s = 1u; s < 128u / ROWS; s++) {
        sum += partial[s * (8u * ROWS) + slot];
      }
      let place = slot % (2u * ROWS);
      store(firstRow + place / 8u * 4u + slot / (2u * ROWS), group.x * 32u + place % 8u * 4u, sum);
    }
  }
}
