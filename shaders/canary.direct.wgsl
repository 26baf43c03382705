// canary.   sum[i] = i + 1 + x[i]: does this adapter compute at all?
// Contract   none: kernels/webgpu/context.ts runs it before anything else
// Layout     64 numbers
// Plan       one number per thread
// Needs      nothing
// Source     own; Dawn's null backend accepts work and executes none

@group(0) @binding(0) var<storage, read> input: array<u32>; // [64]
@group(0) @binding(1) var<storage, read_write> output: array<u32>; // [64]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  output[id.x] = id.x + 1u + input[id.x];
}
