// dense-matmul, variant slice.   y[M,N] = activation(x[M,K] W[N,K]^T + bias[N]) + residual[M,N], f32
// Contract   kernels/dense-matmul/contract.ts      WebAssembly  assembly/dense-matmul.ts
// Layout     x rows padded to 16 with 0; W packed [columns/64][K][64], see kernels/dense-matmul/webgpu.ts; up to three outputs side by side
// Plan       16 rows x COLUMNS columns per workgroup; groups of COLUMNS threads take turns at 4 inputs, TURNS turns in flight, 4 x 4 outputs per thread; one sum at the end
// Needs      16 KiB of workgroup memory, 256 invocations; meant for few rows
// Source     own

override COLUMNS: u32 = 32u; // columns per workgroup: 32, or 16 where those leave a GPU idle
override TURNS: u32 = 2u; // turns in flight: 2, or 1 where the operands of 2 do not fit into registers

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

var<workgroup> partial: array<vec4<f32>, 1024>; // [256 / COLUMNS groups][4 rows][COLUMNS threads]

// include lib/activate.wgsl

// include lib/store.wgsl

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  // include lib/slice-place.wgsl
  let last = shape.x - 1u;
  let x0 = inputsOf(min(row, last), column);
  let x1 = inputsOf(min(row + 1u, last), column);
  let x2 = inputsOf(min(row + 2u, last), column);
  let x3 = inputsOf(min(row + 3u, last), column);
  let panel = (column / 64u) * (dims.K * 16u) + (column % 64u) / 4u;
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  // turns of this group: no thread of a subgroup has more than the others
  let turns = (dims.K / 4u + slices - 1u - slice) / slices;
  for (var i = 0u; i < MOST; i++) {
    if (i >= turns / TURNS) {
      break;
    }
    let k = i * (TURNS * slices) + slice;
    let at = panel + k * 64u;
    // include lib/load-weights.wgsl
    // include lib/load-inputs.wgsl
    // include lib/add-products.wgsl
    if (TURNS > 1u) {
      let k = (i * 2u + 1u) * slices + slice;
      let at = panel + k * 64u;
      // include lib/load-weights.wgsl
      // include lib/load-inputs.wgsl
      // include lib/add-products.wgsl
    }
  }
  if (TURNS > 1u && turns % 2u > 0u) {
    let k = (turns - 1u) * slices + slice;
    let at = panel + k * 64u;
    // include lib/load-weights.wgsl
    // include lib/load-inputs.wgsl
    // include lib/add-products.wgsl
  }
  // include lib/add-slices.wgsl
  store(row + slice, column, sum);
}
