// The uniform of linear layers, as linearDims of kernels/webgpu/linear.ts writes it.

struct Dims {
  K: u32, // inputs per row with padding, a multiple of 16
  // include lib/outputs.wgsl
}
