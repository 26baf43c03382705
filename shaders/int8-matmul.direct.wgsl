// int8-matmul, variant direct.   y[M,N] = activation(f32(A[M,K] . W[N,K]^T) (aScale[M] wScale[N]) + bias[N]) + residual[M,N]
// Contract   kernels/int8-matmul/contract.ts      WebAssembly  assembly/int8-matmul.ts
// Layout     A 4 inputs per word, rows padded to 16 inputs with 0; W packed [columns/64][K/4][64] words of 4 inputs
// Plan       4 rows x 4 columns per thread, operands straight from memory, 4 inputs a step: little code, which software adapters compile slowly
// Needs      packed_4x8_integer_dot_product; no workgroup memory; K <= 133144 (range in the contract)
// Source     own; scales only in the epilogue, the loop is pure dot4I8Packed

requires packed_4x8_integer_dot_product;

// include lib/linear-dims.wgsl

// include lib/most.wgsl

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<u32>; // [rows, K / 4], 4 s8 each
@group(0) @binding(2) var<storage, read> weight: array<vec4<u32>>; // [columns / 64, K / 4, 16], 4 columns x 4 s8 each
@group(0) @binding(3) var<storage, read> columns: array<vec4<f32>>; // [columns / 4] bias, [columns / 4] wScale
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(5) var<storage, read_write> out0: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(6) var<storage, read_write> out1: array<vec4<f32>>; // [rows, stride1 / 4]
@group(0) @binding(7) var<storage, read_write> out2: array<vec4<f32>>; // [rows, stride2 / 4]
@group(0) @binding(8) var<storage, read> aScale: array<f32>; // [rows]
@group(0) @binding(9) var<uniform> dims: Dims;

// include lib/dots.wgsl

// include lib/activate.wgsl

// include lib/store-int8.wgsl

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let column = id.x * 4u;
  let row = id.y * 4u;
  if (column >= dims.columns || row >= shape.x) {
    return;
  }
  let last = shape.x - 1u;
  let row1 = min(row + 1u, last);
  let row2 = min(row + 2u, last);
  let row3 = min(row + 3u, last);
  let words = dims.K / 4u;
  let panel = (column / 64u) * (words * 16u) + (column % 64u) / 4u;
  var sum0 = vec4<i32>();
  var sum1 = vec4<i32>();
  var sum2 = vec4<i32>();
  var sum3 = vec4<i32>();
  for (var k = 0u; k < MOST; k++) {
    if (k >= words) {
      break;
    }
    let w = weight[panel + k * 16u];
    sum0 += dots(input[row * words + k], w);
    sum1 += dots(input[row1 * words + k], w);
    sum2 += dots(input[row2 * words + k], w);
    sum3 += dots(input[row3 * words + k], w);
  }
  // a loop, not 4 copies: less code to compile
  var sums = array<vec4<i32>, 4>(sum0, sum1, sum2, sum3);
  for (var i = 0u; i < 4u; i++) {
    let at = row + i;
    store(at, column, sums[i], aScale[min(at, last)]);
  }
}
