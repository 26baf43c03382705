// dense-matmul restride, variant direct.   y[m,c] = x[m,c] for c < C, else 0: rows of one stride to rows of another
// Contract   kernels/dense-matmul/contract.ts      Twin  assembly/dense-matmul.ts
// Layout     input rows FROM elements apart, output rows TO apart
// Plan       one element per thread; only for callers whose rows are not padded
// Needs      nothing
// Source     own

override C: u32 = 1u; // elements per row
override FROM: u32 = 1u; // input row stride
override TO: u32 = 16u; // output row stride

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<f32>; // [rows, FROM]
@group(0) @binding(2) var<storage, read_write> output: array<f32>; // [rows, TO]

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= TO || id.y >= shape.x) {
    return;
  }
  var value = 0.0;
  if (id.x < C) {
    value = input[id.y * FROM + id.x];
  }
  output[id.y * TO + id.x] = value;
}
