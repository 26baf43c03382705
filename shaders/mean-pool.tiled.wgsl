// row-ops mean-pool, variant tiled.   y[b] = mean of the rows of sequence b, divided by max(its L2 norm, 1e-12) where asked
// Contract   kernels/row-ops/contract.ts      WebAssembly  assembly/row-ops.ts
// Layout     rows padded to 16 elements with 0
// Plan       one sequence per workgroup of 64; a thread keeps to its own columns
// Needs      256 bytes of workgroup memory
// Source     own

// workgroups make a grid GRID wide, since one dimension holds 65535
override GRID: u32 = 32768u;

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

var<workgroup> partial: array<f32, 64>; // one value per thread

// include lib/workgroup-total.wgsl

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

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let b = group.y * GRID + group.x;
  if (b >= shape.x) {
    return;
  }
  let first = offsets[b];
  let count = offsets[b + 1u] - first;
  let base = b * (dims.width / 4u);
  var squares = vec4<f32>();
  for (var i = 0u; i < MOST; i++) {
    if (i >= (dims.width / 4u + 63u) / 64u) {
      break;
    }
    let at = i * 64u + index;
    if (at < dims.width / 4u) {
      let y = mean(first, count, at);
      squares += y * y;
      output[base + at] = y;
    }
  }
  if (dims.normalize != 0u) {
    let length = sqrt(total(index, squares.x + squares.y + squares.z + squares.w));
    // max may pass over NaN, which is told by its bits
    let norm = select(max(length, 1e-12), length, (bitcast<u32>(length) & 0x7fffffffu) > 0x7f800000u);
    for (var i = 0u; i < MOST; i++) {
      if (i >= (dims.width / 4u + 63u) / 64u) {
        break;
      }
      let at = i * 64u + index;
      if (at < dims.width / 4u) {
        output[base + at] /= norm;
      }
    }
  }
}
