// row-ops mean-pool, variant direct.   y[b] = mean of the rows of sequence b, divided by max(its L2 norm, 1e-12) where asked
// Contract   kernels/row-ops/contract.ts      WebAssembly  assembly/row-ops.ts
// Layout     rows padded to 16 elements with 0
// Plan       one sequence per thread
// Needs      no workgroup memory
// Source     own

struct Dims {
  width: u32, // elements per row with padding, a multiple of 16
  normalize: u32, // 1: divide by the norm
}

// include lib/most.wgsl

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> offsets: array<u32>; // [B + 1]
@group(0) @binding(2) var<storage, read> input: array<vec4<f32>>; // [M, width / 4]
@group(0) @binding(3) var<storage, read_write> output: array<vec4<f32>>; // [B, width / 4]
@group(0) @binding(4) var<uniform> dims: Dims;

fn mean(first: u32, count: u32, i: u32) -> vec4<f32> {
  var sum = vec4<f32>();
  for (var t = 0u; t < MOST; t++) {
    if (t >= count) {
      break;
    }
    sum += input[(first + t) * (dims.width / 4u) + i];
  }
  return sum / f32(count);
}

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let b = id.x;
  if (b >= shape.x) {
    return;
  }
  let first = offsets[b];
  let count = offsets[b + 1u] - first;
  let base = b * (dims.width / 4u);
  var squares = vec4<f32>();
  for (var i = 0u; i < MOST; i++) {
    if (i >= dims.width / 4u) {
      break;
    }
    let y = mean(first, count, i);
    squares += y * y;
    output[base + i] = y;
  }
  if (dims.normalize != 0u) {
    let length = sqrt(squares.x + squares.y + squares.z + squares.w);
    // max may pass over NaN, which is told by its bits
    let norm = select(max(length, 1e-12), length, (bitcast<u32>(length) & 0x7fffffffu) > 0x7f800000u);
    for (var i = 0u; i < MOST; i++) {
      if (i >= dims.width / 4u) {
        break;
      }
      output[base + i] /= norm;
    }
  }
}
