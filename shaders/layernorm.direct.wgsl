// row-ops layernorm, variant direct.   y = (s - mean) / sqrt(variance + epsilon) gamma + beta per row, s = x + residual; optionally also as s8
// Contract   kernels/row-ops/contract.ts      WebAssembly  assembly/row-ops.ts
// Layout     rows padded to 16 elements with 0
// Plan       one row per thread; the sum is in the output until it is normalised there
// Needs      packed_4x8_integer_dot_product; no workgroup memory
// Source     own

requires packed_4x8_integer_dot_product;

struct Dims {
  C: u32, // elements per row
  width: u32, // elements per row with padding, a multiple of 16
  epsilon: f32,
  quantize: u32, // 1: also write the row as s8, for int8 linears
  hasResidual: u32, // 1: add it
  fixedScale: f32, // calibrated scale of all rows, or 0 for one per row
  fixedInverse: f32, // 1 / fixedScale
}

// include lib/most.wgsl

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>; // [rows, width / 4]
@group(0) @binding(2) var<storage, read> residual: array<vec4<f32>>; // [rows, width / 4]
@group(0) @binding(3) var<storage, read> gammaBeta: array<vec4<f32>>; // [2, width / 4]
@group(0) @binding(4) var<storage, read_write> output: array<vec4<f32>>; // [rows, width / 4]; holds x until it is normalised
@group(0) @binding(5) var<storage, read_write> quantized: array<u32>; // [rows, width / 4], 4 s8 each
@group(0) @binding(6) var<storage, read_write> scales: array<f32>; // [rows]
@group(0) @binding(7) var<uniform> dims: Dims;

// include lib/quantize.wgsl

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = id.x;
  if (row >= shape.x) {
    return;
  }
  let base = row * (dims.width / 4u);
  var sums = vec4<f32>();
  for (var i = 0u; i < MOST; i++) {
    if (i >= dims.width / 4u) {
      break;
    }
    var x = input[base + i];
    if (dims.hasResidual != 0u) {
      x += residual[base + i];
    }
    output[base + i] = x;
    sums += x;
  }
  let mean = (sums.x + sums.y + sums.z + sums.w) / f32(dims.C);
  var squares = vec4<f32>();
  for (var i = 0u; i < MOST; i++) {
    if (i >= dims.width / 4u) {
      break;
    }
    let d = select(vec4<f32>(), output[base + i] - mean, vec4(0u, 1u, 2u, 3u) + i * 4u < vec4(dims.C));
    squares += d * d;
  }
  let deviation = sqrt((squares.x + squares.y + squares.z + squares.w) / f32(dims.C) + dims.epsilon);
  var amax = 0.0;
  for (var i = 0u; i < MOST; i++) {
    if (i >= dims.width / 4u) {
      break;
    }
    let y = (output[base + i] - mean) / deviation * gammaBeta[i] + gammaBeta[dims.width / 4u + i];
    output[base + i] = y;
    amax = max(amax, largestOf(y));
  }
  if (dims.quantize != 0u) {
    let inverse = select(inverseScale(amax), dims.fixedInverse, dims.fixedScale > 0.0);
    for (var i = 0u; i < MOST; i++) {
      if (i >= dims.width / 4u) {
        break;
      }
      quantized[base + i] = pack(output[base + i], inverse);
    }
    scales[row] = scaleOf(amax, dims.fixedScale);
  }
}
