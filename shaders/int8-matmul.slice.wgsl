// int8-matmul, variant slice.   y[M,N] = activation(f32(A[M,K] . W[N,K]^T) (aScale[M] wScale[N]) + bias[N]) + residual[M,N]
// Contract   kernels/int8-matmul/contract.ts      WebAssembly  assembly/int8-matmul.ts
// Layout     A 4 inputs per word, rows padded to 16 inputs with 0; W packed [columns/64][K/4][64] words of 4 inputs
// Plan       16 rows x COLUMNS columns per workgroup; groups of COLUMNS threads take turns at 16 inputs, TURNS turns in flight, 4 x 4 outputs per thread; one sum at the end
// Needs      packed_4x8_integer_dot_product; 16 KiB of workgroup memory, 256 invocations; K <= 133144 (range in the contract)
// Source     own; scales only in the epilogue, the loop is pure dot4I8Packed

requires packed_4x8_integer_dot_product;

override COLUMNS: u32 = 32u; // columns per workgroup: 32, or 16 where those leave a GPU idle
override TURNS: u32 = 2u; // turns in flight: 2, or 1 where the operands of 2 do not fit into registers

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

var<workgroup> partial: array<vec4<i32>, 1024>; // [256 / COLUMNS groups][4 rows][COLUMNS threads]

// include lib/dots.wgsl

// include lib/activate.wgsl

// include lib/store-int8.wgsl

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  // include lib/slice-place.wgsl
  let last = shape.x - 1u;
  let x0 = min(row, last) * (dims.K / 16u);
  let x1 = min(row + 1u, last) * (dims.K / 16u);
  let x2 = min(row + 2u, last) * (dims.K / 16u);
  let x3 = min(row + 3u, last) * (dims.K / 16u);
  let panel = (column / 64u) * (dims.K * 4u) + (column % 64u) / 4u;
  var sum0 = vec4<i32>();
  var sum1 = vec4<i32>();
  var sum2 = vec4<i32>();
  var sum3 = vec4<i32>();
  // turns of this group: no thread of a subgroup has more than the others
  let turns = (dims.K / 16u + slices - 1u - slice) / slices;
  for (var i = 0u; i < MOST; i++) {
    if (i >= turns / TURNS) {
      break;
    }
    let k = i * (TURNS * slices) + slice;
    let at = panel + k * 64u;
    // include lib/load-weights.wgsl
    // include lib/load-inputs.wgsl
    // include lib/add-dots.wgsl
    if (TURNS > 1u) {
      let k = (i * 2u + 1u) * slices + slice;
      let at = panel + k * 64u;
      // include lib/load-weights.wgsl
      // include lib/load-inputs.wgsl
      // include lib/add-dots.wgsl
    }
  }
  if (TURNS > 1u && turns % 2u > 0u) {
    let k = (turns - 1u) * slices + slice;
    let at = panel + k * 64u;
    // include lib/load-weights.wgsl
    // include lib/load-inputs.wgsl
    // include lib/add-dots.wgsl
  }
  // include lib/add-slices.wgsl
  store(row + slice, column, sum, aScale[min(row + slice, last)]);
}
