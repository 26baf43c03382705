// int8-matmul, variant unpacked.   y[M,N] = activation(f32(A[M,K] . W[N,K]^T) (aScale[M] wScale[N]) + bias[N]) + residual[M,N]
// Contract   kernels/int8-matmul/contract.ts      WebAssembly  assembly/int8-matmul.ts
// Layout     A 4 inputs per word, rows padded to 16 inputs with 0; W packed [columns/64][K/4][64] words of 4 inputs
// Plan       64 x 64 outputs per workgroup of 128 threads, 8 rows x 4 columns each; 32 inputs per step, bytes made f32 as they are staged and multiplied so
// Needs      16 KiB of workgroup memory; K <= 133144 (range in the contract)
// Source     own; for GPUs without an instruction for dot4I8Packed, which take 8 of theirs for one. Sums of 1024 products of bytes are exact in f32

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

var<workgroup> aTile: array<vec4<f32>, 512>; // [64 rows][32 inputs]
var<workgroup> wTile: array<vec4<f32>, 512>; // [32 inputs][64 columns]

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
  var part0 = vec4<f32>();
  var part1 = vec4<f32>();
  var part2 = vec4<f32>();
  var part3 = vec4<f32>();
  var part4 = vec4<f32>();
  var part5 = vec4<f32>();
  var part6 = vec4<f32>();
  var part7 = vec4<f32>();
  for (var step = 0u; step < MOST; step++) {
    if (step >= (dims.K + 31u) / 32u) {
      break;
    }
    // each thread makes 16 inputs of a row and 4 inputs of 4 columns f32
    let unit = step * 2u + index % 2u;
    // the last step may reach past K: zeros add nothing
    let bytes = select(vec4<u32>(), input[min(firstRow + index / 2u, last) * (dims.K / 16u) + min(unit, dims.K / 16u - 1u)], unit < dims.K / 16u);
    aTile[index * 4u] = vec4<f32>(unpack4xI8(bytes.x));
    aTile[index * 4u + 1u] = vec4<f32>(unpack4xI8(bytes.y));
    aTile[index * 4u + 2u] = vec4<f32>(unpack4xI8(bytes.z));
    aTile[index * 4u + 3u] = vec4<f32>(unpack4xI8(bytes.w));
    let words = weight[panel + min(step * 128u + index, dims.K * 4u - 1u)];
    let c0 = vec4<f32>(unpack4xI8(words.x));
    let c1 = vec4<f32>(unpack4xI8(words.y));
    let c2 = vec4<f32>(unpack4xI8(words.z));
    let c3 = vec4<f32>(unpack4xI8(words.w));
    let at = index / 16u * 64u + index % 16u;
    wTile[at] = vec4(c0.x, c1.x, c2.x, c3.x);
    wTile[at + 16u] = vec4(c0.y, c1.y, c2.y, c3.y);
    wTile[at + 32u] = vec4(c0.z, c1.z, c2.z, c3.z);
    wTile[at + 48u] = vec4(c0.w, c1.w, c2.w, c3.w);
    workgroupBarrier();
    for (var k = 0u; k < 8u; k++) {
      let w0 = wTile[k * 64u + local.x];
      let w1 = wTile[k * 64u + 16u + local.x];
      let w2 = wTile[k * 64u + 32u + local.x];
      let w3 = wTile[k * 64u + 48u + local.x];
      let x0 = aTile[(local.y + 0u) * 8u + k];
      part0 += x0.x * w0;
      part0 += x0.y * w1;
      part0 += x0.z * w2;
      part0 += x0.w * w3;
      let x1 = aTile[(local.y + 8u) * 8u + k];
      part1 += x1.x * w0;
      part1 += x1.y * w1;
      part1 += x1.z * w2;
      part1 += x1.w * w3;
      let x2 = aTile[(local.y + 16u) * 8u + k];
      part2 += x2.x * w0;
      part2 += x2.y * w1;
      part2 += x2.z * w2;
      part2 += x2.w * w3;
      let x3 = aTile[(local.y + 24u) * 8u + k];
      part3 += x3.x * w0;
      part3 += x3.y * w1;
      part3 += x3.z * w2;
      part3 += x3.w * w3;
      let x4 = aTile[(local.y + 32u) * 8u + k];
      part4 += x4.x * w0;
      part4 += x4.y * w1;
      part4 += x4.z * w2;
      part4 += x4.w * w3;
      let x5 = aTile[(local.y + 40u) * 8u + k];
      part5 += x5.x * w0;
      part5 += x5.y * w1;
      part5 += x5.z * w2;
      part5 += x5.w * w3;
      let x6 = aTile[(local.y + 48u) * 8u + k];
      part6 += x6.x * w0;
      part6 += x6.y * w1;
      part6 += x6.z * w2;
      part6 += x6.w * w3;
      let x7 = aTile[(local.y + 56u) * 8u + k];
      part7 += x7.x * w0;
      part7 += x7.y * w1;
      part7 += x7.z * w2;
      part7 += x7.w * w3;
    }
    if (step % 32u == 31u || step + 1u == (dims.K + 31u) / 32u) {
      sum0 += vec4<i32>(part0);
      part0 = vec4<f32>();
      sum1 += vec4<i32>(part1);
      part1 = vec4<f32>();
      sum2 += vec4<i32>(part2);
      part2 = vec4<f32>();
      sum3 += vec4<i32>(part3);
      part3 = vec4<f32>();
      sum4 += vec4<i32>(part4);
      part4 = vec4<f32>();
      sum5 += vec4<i32>(part5);
      part5 = vec4<f32>();
      sum6 += vec4<i32>(part6);
      part6 = vec4<f32>();
      sum7 += vec4<i32>(part7);
      part7 = vec4<f32>();
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
