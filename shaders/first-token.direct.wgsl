// row-ops first-token, variant direct.   y[b] = x[offsets[b]]
// Contract   kernels/row-ops/contract.ts      WebAssembly  assembly/row-ops.ts
// Layout     rows padded to 16 elements with 0
// Plan       4 elements per thread
// Needs      nothing
// Source     own

struct Dims {
  width: u32, // elements per row with padding, a multiple of 16
}

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> offsets: array<u32>; // [B + 1]
@group(0) @binding(2) var<storage, read> input: array<vec4<f32>>; // [M, width / 4]
@group(0) @binding(3) var<storage, read_write> output: array<vec4<f32>>; // [B, width / 4]
@group(0) @binding(4) var<uniform> dims: Dims;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= dims.width / 4u || id.y >= shape.x) {
    return;
  }
  output[id.y * (dims.width / 4u) + id.x] = input[offsets[id.y] * (dims.width / 4u) + id.x];
}
