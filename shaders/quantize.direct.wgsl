// quantize, variant direct.   scale[m] = amax / 127, q[m,k] = clamp(round_even(x[m,k] * (127 / amax)), -127, 127)
// Contract   kernels/int8-matmul/contract.ts      Twin  assembly/int8-matmul.ts
// Layout     rows padded to 16 elements with 0, so are the bytes
// Plan       one row per thread, two passes
// Needs      packed_4x8_integer_dot_product; no workgroup memory
// Source     own; the law is kernels/runtime/quantize-law.ts

requires packed_4x8_integer_dot_product;

struct Dims {
  width: u32, // elements per row with padding, a multiple of 16
  fixedScale: f32, // calibrated scale of all rows, or 0 for one per row
  fixedInverse: f32, // 1 / fixedScale
}

// more rounds than any loop makes: a constant bound beside the break spares the compiler's guards against endless loops
const MOST = 0x1000000u;

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>; // [rows, width / 4]
@group(0) @binding(2) var<storage, read_write> quantized: array<u32>; // [rows, width / 4], 4 s8 each
@group(0) @binding(3) var<storage, read_write> scales: array<f32>; // [rows]
@group(0) @binding(4) var<uniform> dims: Dims;

// a / b rounded to nearest even, for positive normal numbers: WGSL's own division may be 2.5 ulp off, and every device
// must quantize alike. Long division of the 24-bit significands, 8 bits a step
fn divide(a: f32, b: f32) -> f32 {
  let aBits = bitcast<u32>(a);
  let bBits = bitcast<u32>(b);
  var exponent = i32(aBits >> 23u) - i32(bBits >> 23u) + 127;
  let divisor = (bBits & 0x7fffffu) | 0x800000u;
  var rest = (aBits & 0x7fffffu) | 0x800000u;
  if (rest < divisor) {
    rest <<= 1u;
    exponent--;
  }
  rest -= divisor;
  var quotient = 1u;
  for (var i = 0u; i < 3u; i++) {
    rest <<= 8u;
    quotient = (quotient << 8u) | (rest / divisor);
    rest %= divisor;
  }
  // 25 bits: 24 and the one that rounds
  quotient = (quotient >> 1u) + (quotient & 1u & (select(0u, 1u, rest != 0u) | (quotient >> 1u)));
  if (exponent < 1) {
    return 0.0;
  }
  if (exponent > 254) {
    return 3.4028234e38;
  }
  return bitcast<f32>((u32(exponent) << 23u) + quotient - 0x800000u);
}

// the law of kernels/runtime/quantize-law.ts: 127 / amax, 0 for rows of zeros (and of subnormals, which adapters flush)
fn inverseScale(amax: f32) -> f32 {
  if (amax < 1.17549435e-38) {
    return 0.0;
  }
  return divide(127.0, amax);
}

fn scaleOf(amax: f32) -> f32 {
  if (amax < 1.17549435e-38) {
    return 0.0;
  }
  return divide(amax, 127.0);
}

// 4 values to 4 bytes of a word; round() takes ties to even
fn pack(x: vec4<f32>, inverse: f32) -> u32 {
  return pack4xI8(vec4<i32>(clamp(round(x * inverse), vec4(-127.0), vec4(127.0))));
}

fn largestOf(x: vec4<f32>) -> f32 {
  let a = abs(x);
  return max(max(a.x, a.y), max(a.z, a.w));
}

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
  scales[row] = select(scaleOf(amax), dims.fixedScale, dims.fixedScale > 0.0);
}
