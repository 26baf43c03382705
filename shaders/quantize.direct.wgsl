// quantize, variant direct.   scale[m] = amax / 127, q[m,k] = clamp(round_even(x[m,k] * (127 / amax)), -127, 127)
// Contract   kernels/int8-matmul/contract.ts      WebAssembly  assembly/int8-matmul.ts
// Layout     rows padded to 16 elements with 0, so are the bytes
// Plan       one row per thread, two passes
// Needs      packed_4x8_integer_dot_product; no workgroup memory
// Source     own; the rule is kernels/program/quantization.ts

requires packed_4x8_integer_dot_product;

struct Dims {
  width: u32, // elements per row with padding, a multiple of 16
  fixedScale: f32, // calibrated scale of all rows, or 0 for one per row
  fixedInverse: f32, // 1 / fixedScale
}

// include lib/most.wgsl

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>; // [rows, width / 4]
@group(0) @binding(2) var<storage, read_write> quantized: array<u32>; // [rows, width / 4], 4 s8 each
@group(0) @binding(3) var<storage, read_write> scales: array<f32>; // [rows]
@group(0) @binding(4) var<uniform> dims: Dims;

// include lib/quantize.wgsl

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = id.x;
  if (row >= shape.x) {
    return;
  }
  let base = row * (dims.width / 4u);
  var amax = 0.0;
  for (var i = 0u; i < MOST; i++) {
    if (i >= dims.width / 4u) {
      break;
    }
    amax = max(amax, largestOf(input[base + i]));
  }
  let inverse = select(inverseScale(amax), dims.fixedInverse, dims.fixedScale > 0.0);
  for (var i = 0u; i < MOST; i++) {
    if (i >= dims.width / 4u) {
      break;
    }
    quantized[base + i] = pack(input[base + i], inverse);
  }
  scales[row] = scaleOf(amax, dims.fixedScale);
}
