// Rounding of a row to s8 with one scale: kernels/program/quantization.ts, bit for bit.

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

// the rule of kernels/program/quantization.ts: 127 / amax, 0 for rows of zeros (and of subnormals, which adapters flush)
fn inverseScale(amax: f32) -> f32 {
  if (amax < 1.17549435e-38) {
    return 0.0;
  }
  return divide(127.0, amax);
}

// the scale of a row: `fixed` where it is calibrated, NaN where the row is not finite, which largestOf shows by the largest f32
fn scaleOf(amax: f32, fixed: f32) -> f32 {
  let bits = bitcast<u32>(amax);
  if (bits >= 0x7f7fffffu) {
    return bitcast<f32>(bits | 0x7fc00000u);
  }
  if (fixed > 0.0) {
    return fixed;
  }
  if (amax < 1.17549435e-38) {
    return 0.0;
  }
  return divide(amax, 127.0);
}

// 4 values to 4 bytes of a word: to what is added to 2^23 + 128 is rounded to even, and its last byte is the integer + 128;
// shifted and added up, the other bytes fall out but for 2^23's own bits
fn pack(x: vec4<f32>, inverse: f32) -> u32 {
  let b = bitcast<vec4<u32>>(clamp(x * inverse, vec4(-127.0), vec4(127.0)) + 8388736.0);
  return (b.x + (b.y << 8u) + (b.z << 16u) + (b.w << 24u) - 0x4b000000u) ^ 0x80808080u;
}

// by bits, which are ordered as magnitudes are: max of NaN may be anything. The largest f32 for what is not finite
fn largestOf(x: vec4<f32>) -> f32 {
  let bits = bitcast<vec4<u32>>(x) & vec4(0x7fffffffu);
  return bitcast<f32>(min(max(max(bits.x, bits.y), max(bits.z, bits.w)), 0x7f7fffffu));
}
