// f16 fma probe.   chains of x = fma(x, b, c) in f16, 8 vec4 chains a thread, 512 steps
// Contract   result[0] is written only by a value that cannot occur, so that the loop is not dead
// Layout     result f32 [4]; one thread does 8 * 4 * 512 multiply-adds
// Plan       no memory traffic: the rate is that of the arithmetic units
// Needs      shader-f16

enable f16;

@group(0) @binding(0) var<storage, read_write> result: array<vec4f>; // [1]

const STEPS = 512u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let b = vec4<f16>(0.5h);
  // x stays below 2 c + 7; no lane does what another does: a compiler would do it once
  let c = vec4<f16>(0.5h, 0.75h, 1.0h, 1.25h) + f16(id.x & 7u);
  var x0 = c;
  var x1 = c + 1.0h;
  var x2 = c + 2.0h;
  var x3 = c + 3.0h;
  var x4 = c + 4.0h;
  var x5 = c + 5.0h;
  var x6 = c + 6.0h;
  var x7 = c + 7.0h;
  for (var i = 0u; i < STEPS; i++) {
    x0 = fma(x0, b, c);
    x1 = fma(x1, b, c);
    x2 = fma(x2, b, c);
    x3 = fma(x3, b, c);
    x4 = fma(x4, b, c);
    x5 = fma(x5, b, c);
    x6 = fma(x6, b, c);
    x7 = fma(x7, b, c);
  }
  let total = x0 + x1 + x2 + x3 + x4 + x5 + x6 + x7;
  if (total.x + total.y + total.z + total.w < -1.0h) {
    result[0] = vec4f(total);
  }
}
