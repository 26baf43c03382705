// int8-matmul, variant tiled.   y[M,N] = activation(f32(A[M,K] . W[N,K]^T) (aScale[M] wScale[N]) + bias[N]) + residual[M,N]
// Contract   kernels/int8-matmul/contract.ts      WebAssembly  assembly/int8-matmul.ts
// Layout     A 4 inputs per word, rows padded to 16 inputs with 0; W packed [columns/64][K/4][64] words of 4 inputs
// Plan       64 x 64 outputs per workgroup of 128 threads, 8 rows x 4 columns each; 64 inputs (16 words) staged per step
// Needs      packed_4x8_integer_dot_product; 8 KiB of workgroup memory; K <= 133144 (range in the contract)
// Source     own; scales only in the epilogue, the loop is pure dot4I8Packed

requires packed_4x8_integer_dot_product;

// include lib/linear-dims.wgsl

// include lib/most.wgsl

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<vec4<u32>>; // [rows, K / 16], 16 s8 each
@group(0) @binding(2) var<storage, read> weight: array<vec4<u32>>; // [columns / 64, K / 4, 16], 4 columns x 4 s8 each
@group(0) @binding(3) var<storage, read> columns: array<vec4<f32>>; // [columns / 4] bias, [columns / 4] wScale
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(5) var<storage, read_write> out0: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(6) var<storage, read_write> out1: array<vec4<f32>>; // [rows, stride1 / 4]
@group(0) @binding(7) var<storage, read_write> out2: array<vec4<f32>>; // [rows, stride2 / 4]
@group(0) @binding(8) var<storage, read> aScale: array<f32>; // [rows]
@group(0) @binding(9) var<uniform> dims: Dims;

var<workgroup> aTile: array<vec4<u32>, 256>; // [64 rows][64 inputs]
var<workgroup> wTile: array<vec4<u32>, 256>; // [16 words][64 columns]

// include lib/dots.wgsl

// include lib/activate.wgsl

// include lib/store-int8.wgsl

// a thread's rows are 8 apart, so that neighbours read neighbouring rows
@compute @workgroup_size(16, 8)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(local_invocation_index) index: u32,
) {
  let firstRow = group.y * 64u;
  let last = shape.x - 1u;
  let panel = group.x * (dims.K * 4u);
  var sum0 = vec4<i32>();
  var sum1 = vec4<i32>();
  var sum2 = vec4<i32>();
  var sum3 = vec4<i32>();
  var sum4 = vec4<i32>();
  var sum5 = vec4<i32>();
  var sum6 = vec4<i32>();
  var sum7 = vec4<i32>();
  for (var step = 0u; step < MOST; step++) {
    if (step >= (dims.K + 63u) / 64u) {
      break;
    }
    for (var i = 0u; i < 2u; i++) {
      let slot = index + i * 128u;
      let k = step * 4u + slot % 4u;
      // the last step may reach past K: zeros add nothing
      aTile[slot] = select(vec4<u32>(), input[min(firstRow + slot / 4u, last) * (dims.K / 16u) + min(k, dims.K / 16u - 1u)], k < dims.K / 16u);
      wTile[slot] = weight[panel + min(step * 256u + slot, dims.K * 4u - 1u)];
    }
    workgroupBarrier();
    for (var k = 0u; k < 4u; k++) {
      let w0 = wTile[k * 64u + local.x];
      let w1 = wTile[k * 64u + 16u + local.x];
      let w2 = wTile[k * 64u + 32u + local.x];
      let w3 = wTile[k * 64u + 48u + local.x];
      let a0 = aTile[(local.y + 0u) * 4u + k];
      sum0 += dots(a0.x, w0) + dots(a0.y, w1) + dots(a0.z, w2) + dots(a0.w, w3);
      let a1 = aTile[(local.y + 8u) * 4u + k];
      sum1 += dots(a1.x, w0) + dots(a1.y, w1) + dots(a1.z, w2) + dots(a1.w, w3);
      let a2 = aTile[(local.y + 16u) * 4u + k];
      sum2 += dots(a2.x, w0) + dots(a2.y, w1) + dots(a2.z, w2) + dots(a2.w, w3);
      let a3 = aTile[(local.y + 24u) * 4u + k];
      sum3 += dots(a3.x, w0) + dots(a3.y, w1) + dots(a3.z, w2) + dots(a3.w, w3);
      let a4 = aTile[(local.y + 32u) * 4u + k];
      sum4 += dots(a4.x, w0) + dots(a4.y, w1) + dots(a4.z, w2) + dots(a4.w, w3);
      let a5 = aTile[(local.y + 40u) * 4u + k];
      sum5 += dots(a5.x, w0) + dots(a5.y, w1) + dots(a5.z, w2) + dots(a5.w, w3);
      let a6 = aTile[(local.y + 48u) * 4u + k];
      sum6 += dots(a6.x, w0) + dots(a6.y, w1) + dots(a6.z, w2) + dots(a6.w, w3);
      let a7 = aTile[(local.y + 56u) * 4u + k];
      sum7 += dots(a7.x, w0) + dots(a7.y, w1) + dots(a7.z, w2) + dots(a7.w, w3);
    }
    workgroupBarrier();
  }
  let column = group.x * 64u + local.x * 4u;
  // a loop, not 8 copies: less code to compile
  var sums = array<vec4<i32>, 8>(sum0, sum1, sum2, sum3, sum4, sum5, sum6, sum7);
  for (var i = 0u; i < 8u; i++) {
    let at = firstRow + local.y + i * 8u;
    store(at, column, sums[i], aScale[min(at, last)]);
  }
}
