// dot4 probe.   chains of x = x + dot4I8Packed(x, b), 16 chains a thread
// Contract   result[0] is written only by a value that cannot occur, so that the loop is not dead
// Layout     result i32 [1]; one thread does 16 * 4 * 512 multiply-adds
// Plan       no memory traffic: the rate is that of the arithmetic units, or of the emulation where there are none

requires packed_4x8_integer_dot_product;

@group(0) @binding(0) var<storage, read_write> result: array<u32>; // [4]

const STEPS = 512u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let b = 0x01020304u + id.x;
  var x = array<u32, 16>();
  x[0] = b; x[1] = b + 1u; x[2] = b + 2u; x[3] = b + 3u;
  x[4] = b + 4u; x[5] = b + 5u; x[6] = b + 6u; x[7] = b + 7u;
  x[8] = b + 8u; x[9] = b + 9u; x[10] = b + 10u; x[11] = b + 11u;
  x[12] = b + 12u; x[13] = b + 13u; x[14] = b + 14u; x[15] = b + 15u;
  for (var i = 0u; i < STEPS; i++) {
    x[0] += u32(dot4I8Packed(x[0], b));
    x[1] += u32(dot4I8Packed(x[1], b));
    x[2] += u32(dot4I8Packed(x[2], b));
    x[3] += u32(dot4I8Packed(x[3], b));
    x[4] += u32(dot4I8Packed(x[4], b));
    x[5] += u32(dot4I8Packed(x[5], b));
    x[6] += u32(dot4I8Packed(x[6], b));
    x[7] += u32(dot4I8Packed(x[7], b));
    x[8] += u32(dot4I8Packed(x[8], b));
    x[9] += u32(dot4I8Packed(x[9], b));
    x[10] += u32(dot4I8Packed(x[10], b));
    x[11] += u32(dot4I8Packed(x[11], b));
    x[12] += u32(dot4I8Packed(x[12], b));
    x[13] += u32(dot4I8Packed(x[13], b));
    x[14] += u32(dot4I8Packed(x[14], b));
    x[15] += u32(dot4I8Packed(x[15], b));
  }
  var total = 0u;
  for (var i = 0u; i < 16u; i++) {
    total |= x[i];
  }
  if (total == 0u) {
    result[0] = total;
  }
}
