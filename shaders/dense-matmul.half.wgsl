// dense-matmul, variant half.   y[M,N] = activation(x[M,K] W[N,K]^T + bias[N]) + residual[M,N], products and sums of 32 in f16
// Contract   kernels/dense-matmul/contract.ts      WebAssembly  assembly/dense-matmul.ts
// Layout     x f32, rows padded to 16 with 0; W f16, packed [columns/64][K][64], see kernels/dense-matmul/webgpu.ts; up to three outputs side by side
// Plan       as tiled; x is rounded while it is staged; f16 sums go into f32 ones after 2 steps: 8 conversions and additions for each 64 f16 multiply-adds
// Range      |x| <= 65504, and so is each sum of 32 |x||W|: beyond it f16 is infinite
// Needs      shader-f16; 4 KiB (6 KiB) of workgroup memory; 16 ROWS / EACH invocations, at most 256
// Source     own; kernels/testing/emulated-halves.ts has it in f32 for adapters without f16

enable f16;

override ROWS: u32 = 64u; // rows per workgroup: 64 or 128
override EACH: u32 = 8u; // rows per thread: 8, or 4 where the sums of 8 do not fit into registers

// include lib/dense-dims.wgsl

// include lib/most.wgsl

alias Halves = vec4<f16>;

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>; // [rows, inputStride / 4]
@group(0) @binding(2) var<storage, read> weight: array<Halves>; // [columns / 64, K, 16]
@group(0) @binding(3) var<storage, read> columns: array<vec4<f32>>; // [columns / 4] bias
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(5) var<storage, read_write> out0: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(6) var<storage, read_write> out1: array<vec4<f32>>; // [rows, stride1 / 4]
@group(0) @binding(7) var<storage, read_write> out2: array<vec4<f32>>; // [rows, stride2 / 4]
@group(0) @binding(8) var<uniform> dims: Dims;

var<workgroup> xTile: array<Halves, ROWS * 4u>; // [ROWS][16 inputs]
var<workgroup> wTile: array<Halves, 256>; // [16 inputs][64 columns]

// include lib/activate.wgsl

// include lib/store.wgsl

// 4 inputs of one row times 4 columns, in one chain
fn multiply(x: Halves, w0: Halves, w1: Halves, w2: Halves, w3: Halves, part: Halves) -> Halves {
  let part0 = fma(Halves(x.x), w0, part);
  let part1 = fma(Halves(x.y), w1, part0);
  let part2 = fma(Halves(x.z), w2, part1);
  return fma(Halves(x.w), w3, part2);
}

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
  var part0 = Halves();
  var part1 = Halves();
  var part2 = Halves();
  var part3 = Halves();
  var part4 = Halves();
  var part5 = Halves();
  var part6 = Halves();
  var part7 = Halves();
  for (var step = 0u; step < MOST; step++) {
    if (step >= dims.K / 16u) {
      break;
    }
    for (var i = 0u; i < EACH / 4u; i++) {
      let slot = index + i * (ROWS / EACH * 16u);
      xTile[slot] = Halves(input[inputs + min(firstRow + slot / 4u, last) * (dims.inputStride / 4u) + step * 4u + slot % 4u]);
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
      part0 = multiply(xTile[(local.y + 0u * (ROWS / EACH)) * 4u + k], w0, w1, w2, w3, part0);
      part1 = multiply(xTile[(local.y + 1u * (ROWS / EACH)) * 4u + k], w0, w1, w2, w3, part1);
      part2 = multiply(xTile[(local.y + 2u * (ROWS / EACH)) * 4u + k], w0, w1, w2, w3, part2);
      part3 = multiply(xTile[(local.y + 3u * (ROWS / EACH)) * 4u + k], w0, w1, w2, w3, part3);
      if (EACH > 4u) {
        part4 = multiply(xTile[(local.y + 4u * (ROWS / EACH)) * 4u + k], w0, w1, w2, w3, part4);
        part5 = multiply(xTile[(local.y + 5u * (ROWS / EACH)) * 4u + k], w0, w1, w2, w3, part5);
        part6 = multiply(xTile[(local.y + 6u * (ROWS / EACH)) * 4u + k], w0, w1, w2, w3, part6);
        part7 = multiply(xTile[(local.y + 7u * (ROWS / EACH)) * 4u + k], w0, w1, w2, w3, part7);
      }
    }
    if (step % 2u == 1u || step + 1u == dims.K / 16u) {
      sum0 += vec4<f32>(part0);
      sum1 += vec4<f32>(part1);
      sum2 += vec4<f32>(part2);
      sum3 += vec4<f32>(part3);
      if (EACH > 4u) {
        sum4 += vec4<f32>(part4);
        sum5 += vec4<f32>(part5);
        sum6 += vec4<f32>(part6);
        sum7 += vec4<f32>(part7);
      }
      part0 = Halves();
      part1 = Halves();
      part2 = Halves();
      part3 = Halves();
      if (EACH > 4u) {
        part4 = Halves();
        part5 = Halves();
        part6 = Halves();
        part7 = Halves();
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
