// int8-matmul, variant fused.   y[M,N] = activation(f32(A[M,K] . W[N,K]^T) (aScale[M] wScale[N]) + bias[N]) + residual[M,N]
// Contract   kernels/int8-matmul/contract.ts      WebAssembly  assembly/int8-matmul.ts
// Layout     x f32, rows padded to 16 inputs with 0; W packed [columns/64][K/4][64] words of 4 inputs
// Plan       as slice, but the workgroup finds the scale of its 16 rows and quantizes 256 inputs of them at a time into workgroup memory, each once: no dispatch for that; pays for few rows
// Needs      packed_4x8_integer_dot_product; 16 KiB of workgroup memory, 256 invocations; K <= 133144 (range in the contract)
// Source     own; scales only in the epilogue, the loop is pure dot4I8Packed

requires packed_4x8_integer_dot_product;

override COLUMNS: u32 = 32u; // columns per workgroup: 32, or 16 where those leave a GPU idle

struct Dims {
  K: u32, // inputs per row with padding, a multiple of 16
  // include lib/outputs.wgsl
  fixedScale: f32, // calibrated scale of all rows, or 0 for one per row
  fixedInverse: f32, // 1 / fixedScale
}

// include lib/most.wgsl

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>; // [rows, K / 4]
@group(0) @binding(2) var<storage, read> weight: array<vec4<u32>>; // [columns / 64, K / 4, 16], 4 columns x 4 s8 each
@group(0) @binding(3) var<storage, read> columns: array<vec4<f32>>; // [columns / 4] bias, [columns / 4] wScale
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(5) var<storage, read_write> out0: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(6) var<storage, read_write> out1: array<vec4<f32>>; // [rows, stride1 / 4]
@group(0) @binding(7) var<storage, read_write> out2: array<vec4<f32>>; // [rows, stride2 / 4]
@group(0) @binding(8) var<uniform> dims: Dims;

var<workgroup> partial: array<vec4<i32>, 1024>; // first the largest |x| that each thread saw, then [2 chunks][16 rows][256 inputs as bytes, 16 unused], at the end sums [256 / COLUMNS groups][4 rows][COLUMNS threads]

// include lib/quantize.wgsl

// include lib/dots.wgsl

// include lib/activate.wgsl

// include lib/store-int8.wgsl

// include lib/largest-of-row.wgsl

fn inputOf(own: u32, k: u32) -> vec4<f32> {
  return input[own + k];
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let last = shape.x - 1u;
  let words = dims.K / 4u;
  // 16 threads per row look for its largest element, and quantize it
  let own = min(group.y * 16u + index / 16u, last) * words;
  var seen = 0.0;
  for (var i = 0u; i < MOST; i++) {
    let k = i * 16u + index % 16u;
    if (i * 16u >= words) {
      break;
    }
    if (k < words) {
      seen = max(seen, largestOf(input[own + k]));
    }
  }
  partial[index] = vec4<i32>(bitcast<i32>(seen));
  workgroupBarrier();
  // include lib/quantize-and-multiply.wgsl
}
