// int8-matmul, variant tiled.   y[M,N] = activation(f32(A[M,K] . W[N,K]^T) (aScale[M] wScale[N]) + bias[N]) + residual[M,N]
// Contract   kernels/int8-matmul/contract.ts      WebAssembly  assembly/int8-matmul.ts
// Layout     A 4 inputs per word, rows padded to 16 inputs with 0; W packed [columns/64][K/4][64] words of 4 inputs
// Plan       64 x 64 outputs per workgroup, EACH rows x 4 columns per thread; 64 inputs (16 words) staged per step
// Needs      packed_4x8_integer_dot_product; 8 KiB of workgroup memory, 1024 / EACH invocations; K <= 133144 (range in the contract)
// Source     own; scales only in the epilogue, the loop is pure dot4I8Packed

requires packed_4x8_integer_dot_product;

override EACH: u32 = 8u; // rows per thread: 8, or 4 where the sums of 8 do not fit into registers

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

// a thread's rows are 64 / EACH apart, so that neighbours read neighbouring rows
@compute @workgroup_size(16, 64u / EACH)
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
    for (var i = 0u; i < EACH / 4u; i++) {
      let slot = index + i * (1024u / EACH);
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
      let x0 = aTile[(local.y + 0u * (64u / EACH)) * 4u + k];
      sum0 += dots(x0.x, w0);
      sum0 += dots(x0.y, w1);
      sum0 += dots(x0.z, w2);
      sum0 += dots(x0.w, w3);
      let x1 = aTile[(local.y + 1u * (64u / EACH)) * 4u + k];
      sum1 += dots(x1.x, w0);
      sum1 += dots(x1.y, w1);
      sum1 += dots(x1.z, w2);
      sum1 += dots(x1.w, w3);
      let x2 = aTile[(local.y + 2u * (64u / EACH)) * 4u + k];
      sum2 += dots(x2.x, w0);
      sum2 += dots(x2.y, w1);
      sum2 += dots(x2.z, w2);
      sum2 += dots(x2.w, w3);
      let x3 = aTile[(local.y + 3u * (64u / EACH)) * 4u + k];
      sum3 += dots(x3.x, w0);
      sum3 += dots(x3.y, w1);
      sum3 += dots(x3.z, w2);
      sum3 += dots(x3.w, w3);
      if (EACH > 4u) {
        let x4 = aTile[(local.y + 4u * (64u / EACH)) * 4u + k];
        sum4 += dots(x4.x, w0);
        sum4 += dots(x4.y, w1);
        sum4 += dots(x4.z, w2);
        sum4 += dots(x4.w, w3);
        let x5 = aTile[(local.y + 5u * (64u / EACH)) * 4u + k];
        sum5 += dots(x5.x, w0);
        sum5 += dots(x5.y, w1);
        sum5 += dots(x5.z, w2);
        sum5 += dots(x5.w, w3);
        let x6 = aTile[(local.y + 6u * (64u / EACH)) * 4u + k];
        sum6 += dots(x6.x, w0);
        sum6 += dots(x6.y, w1);
        sum6 += dots(x6.z, w2);
        sum6 += dots(x6.w, w3);
        let x7 = aTile[(local.y + 7u * (64u / EACH)) * 4u + k];
        sum7 += dots(x7.x, w0);
        sum7 += dots(x7.y, w1);
        sum7 += dots(x7.z, w2);
        sum7 += dots(x7.w, w3);
      }
    }
    workgroupBarrier();
  }
  let column = group.x * 64u + local.x * 4u;
  // a loop, not 8 copies: less code to compile
  var sums = array<vec4<i32>, 8>(sum0, sum1, sum2, sum3, sum4, sum5, sum6, sum7);
  for (var i = 0u; i < EACH; i++) {
    let at = firstRow + local.y + i * (64u / EACH);
    store(at, column, sums[i], aScale[min(at, last)]);
  }
}
