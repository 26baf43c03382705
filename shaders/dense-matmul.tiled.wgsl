// dense-matmul, variant tiled.   y[M,N] = activation(x[M,K] W[N,K]^T + bias[N]) + residual[M,N], f32
// Contract   kernels/dense-matmul/contract.ts      WebAssembly  assembly/dense-matmul.ts
// Layout     x rows padded to 16 with 0; W packed [columns/64][K][64], see kernels/dense-matmul/webgpu.ts; up to three outputs side by side
// Plan       64 x 64 (or 128 x 64) outputs per workgroup, EACH rows x 4 columns per thread, 16 inputs per step staged once, no double buffer
// Needs      8 KiB (12 KiB) of workgroup memory; 16 ROWS / EACH invocations, at most 256
// Source     own; tile sizes from published measurements of 128 x 64 tiles with vec4 staging

override ROWS: u32 = 64u; // rows per workgroup: 64 or 128
override EACH: u32 = 8u; // rows per thread: 8, or 4 where the sums of 8 do not fit into registers

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

var<workgroup> xTile: array<vec4<f32>, ROWS * 4u>; // [ROWS][16 inputs]
var<workgroup> wTile: array<vec4<f32>, 256>; // [16 inputs][64 columns]

// include lib/activate.wgsl

// include lib/store.wgsl

// a thread's rows are ROWS / EACH apart, so that neighbours read neighbouring rows
@compute @workgroup_size(16, ROWS / EACH)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(local_invocation_index) index: u32,
) {
  let firstRow = group.y * ROWS;
  let last = shape.x - 1u;
  let inputs = inputsOf(0u, group.x * 64u);
  let panel = group.x * (dims.K * 16u);
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  var sum4 = vec4<f32>();
  var sum5 = vec4<f32>();
  var sum6 = vec4<f32>();
  var sum7 = vec4<f32>();
  for (var step = 0u; step < MOST; step++) {
    if (step >= dims.K / 16u) {
      break;
    }
    for (var i = 0u; i < EACH / 4u; i++) {
      let slot = index + i * (ROWS / EACH * 16u);
      xTile[slot] = input[inputs + min(firstRow + slot / 4u, last) * (dims.inputStride / 4u) + step * 4u + slot % 4u];
    }
    for (var i = 0u; i < 16u * EACH / ROWS; i++) {
      let slot = index + i * (ROWS / EACH * 16u);
      wTile[slot] = weight[panel + step * 256u + slot];
    }
    workgroupBarrier();
    for (var k = 0u; k < 4u; k++) {
      let w0 = wTile[k * 64u + local.x];
      let w1 = wTile[k * 64u + 16u + local.x];
      let w2 = wTile[k * 64u + 32u + local.x];
      let w3 = wTile[k * 64u + 48u + local.x];
      let x0 = xTile[(local.y + 0u * (ROWS / EACH)) * 4u + k];
      sum0 += x0.x * w0;
      sum0 += x0.y * w1;
      sum0 += x0.z * w2;
      sum0 += x0.w * w3;
      let x1 = xTile[(local.y + 1u * (ROWS / EACH)) * 4u + k];
      sum1 += x1.x * w0;
      sum1 += x1.y * w1;
      sum1 += x1.z * w2;
      sum1 += x1.w * w3;
      let x2 = xTile[(local.y + 2u * (ROWS / EACH)) * 4u + k];
      sum2 += x2.x * w0;
      sum2 += x2.y * w1;
      sum2 += x2.z * w2;
      sum2 += x2.w * w3;
      let x3 = xTile[(local.y + 3u * (ROWS / EACH)) * 4u + k];
      sum3 += x3.x * w0;
      sum3 += x3.y * w1;
      sum3 += x3.z * w2;
      sum3 += x3.w * w3;
      if (EACH > 4u) {
        let x4 = xTile[(local.y + 4u * (ROWS / EACH)) * 4u + k];
        sum4 += x4.x * w0;
        sum4 += x4.y * w1;
        sum4 += x4.z * w2;
        sum4 += x4.w * w3;
        let x5 = xTile[(local.y + 5u * (ROWS / EACH)) * 4u + k];
        sum5 += x5.x * w0;
        sum5 += x5.y * w1;
        sum5 += x5.z * w2;
        sum5 += x5.w * w3;
        let x6 = xTile[(local.y + 6u * (ROWS / EACH)) * 4u + k];
        sum6 += x6.x * w0;
        sum6 += x6.y * w1;
        sum6 += x6.z * w2;
        sum6 += x6.w * w3;
        let x7 = xTile[(local.y + 7u * (ROWS / EACH)) * 4u + k];
        sum7 += x7.x * w0;
        sum7 += x7.y * w1;
        sum7 += x7.z * w2;
        sum7 += x7.w * w3;
      }
    }
    workgroupBarrier();
  }
  let column = group.x * 64u + local.x * 4u;
  // a loop, not 8 copies: less code to compile
  var sums = array<vec4<f32>, 8>(sum0, sum1, sum2, sum3, sum4, sum5, sum6, sum7);
  for (var i = 0u; i < EACH; i++) {
    let at = firstRow + local.y + i * (ROWS / EACH);
    store(at, column, sums[i]);
  }
}
