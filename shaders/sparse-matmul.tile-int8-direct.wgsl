// sparse-matmul 16x32 tiles int8, variant direct.   y[M,N] = activation(f32(A[M,K] . W[N,K]^T) (aScale[M] wScale[N]) + bias[N]) + residual[M,N], the stored tiles alone
// Contract   kernels/sparse-matmul/contract.ts      WebAssembly  assembly/sparse-matmul.ts
// Layout     strips of 16 columns, each a list of its tiles; a tile is 8 words x 16 columns of 4 s8: kernels/sparse-matmul/pack-tiles.ts
// Plan       4 rows x 4 columns of a strip per thread, operands straight from memory: little code, which software adapters compile slowly
// Needs      packed_4x8_integer_dot_product; no workgroup memory
// Source     own

requires packed_4x8_integer_dot_product;

// include lib/tile-dims.wgsl

// include lib/most.wgsl

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<vec4<u32>>; // [rows, K / 16], 16 s8 each
@group(0) @binding(2) var<storage, read> weight: array<vec4<u32>>; // [tiles, 8, 4], 4 columns x 4 s8 each
@group(0) @binding(3) var<storage, read> columns: array<u32>; // [2, columns] bias, wScale (f32 bits); [strips, 3] column, first tile, tiles; [tiles] which 32 inputs
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(5) var<storage, read_write> out0: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(6) var<storage, read_write> out1: array<vec4<f32>>; // [rows, stride1 / 4]
@group(0) @binding(7) var<storage, read_write> out2: array<vec4<f32>>; // [rows, stride2 / 4]
@group(0) @binding(8) var<storage, read> aScale: array<f32>; // [rows]
@group(0) @binding(9) var<uniform> dims: Dims;

// include lib/dots.wgsl

// include lib/activate.wgsl

// include lib/at-column.wgsl

// include lib/tile-store-int8.wgsl

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let strip = id.x / 4u;
  let lane = id.x % 4u;
  let row = id.y * 4u;
  if (strip >= dims.strips || row >= shape.x) {
    return;
  }
  let list = 2u * dims.columns + strip * 3u;
  let column = columns[list];
  let first = columns[list + 1u];
  let count = columns[list + 2u];
  let inputs = 2u * dims.columns + dims.strips * 3u + first;
  let last = shape.x - 1u;
  let x0 = row * (dims.K / 16u);
  let x1 = min(row + 1u, last) * (dims.K / 16u);
  let x2 = min(row + 2u, last) * (dims.K / 16u);
  let x3 = min(row + 3u, last) * (dims.K / 16u);
  var sum0 = vec4<i32>();
  var sum1 = vec4<i32>();
  var sum2 = vec4<i32>();
  var sum3 = vec4<i32>();
  for (var t = 0u; t < MOST; t++) {
    if (t >= count) {
      break;
    }
    let x = columns[inputs + t] * 2u;
    let w = (first + t) * 32u + lane;
    for (var k = 0u; k < 2u; k++) {
      let w0 = weight[w + k * 16u];
      let w1 = weight[w + k * 16u + 4u];
      let w2 = weight[w + k * 16u + 8u];
      let w3 = weight[w + k * 16u + 12u];
      let a = input[x0 + x + k];
      let b = input[x1 + x + k];
      let c = input[x2 + x + k];
      let d = input[x3 + x + k];
      // include lib/add-dots.wgsl
    }
  }
  // a loop, not 4 copies: less code to compile
  var sums = array<vec4<i32>, 4>(sum0, sum1, sum2, sum3);
  for (var i = 0u; i < 4u; i++) {
    store(row + i, column + lane * 4u, sums[i]);
  }
}
