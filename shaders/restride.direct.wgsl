// restride.   y[m,c] = x[m,c] for c < C, else 0: rows of one stride to rows of another
// Contract   none: kernels/webgpu/caller-linear.ts runs it
// Layout     input rows fromStride elements apart, output rows toStride apart
// Plan       one element per thread; only for callers whose rows are not padded
// Needs      nothing
// Source     own

struct Dims {
  C: u32, // elements per row
  fromStride: u32, // input row stride
  toStride: u32, // output row stride
}

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<f32>; // [rows, FROM]
@group(0) @binding(2) var<storage, read_write> output: array<f32>; // [rows, TO]
@group(0) @binding(3) var<uniform> dims: Dims;

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= dims.toStride || id.y >= shape.x) {
    return;
  }
  var value = 0.0;
  if (id.x < dims.C) {
    value = input[id.y * dims.fromStride + id.x];
  }
  output[id.y * dims.toStride + id.x] = value;
}
