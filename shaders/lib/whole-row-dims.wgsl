// The uniform of int8 layers that own whole rows, as wholeRowForms of kernels/int8-matmul/webgpu-norm.ts writes it.

struct Dims {
  K: u32, // inputs per row with padding, a multiple of 16
  columns: u32, // columns of W, padded to 64
  stride: u32, // columns per row of y, a multiple of 16
  C: u32, // columns without padding
  epsilon: f32,
  hasResidual: u32, // 1: add it
  fixedScale: f32, // calibrated scale of all rows of x, or 0 for one per row
  fixedInverse: f32, // 1 / fixedScale
  quantize: u32, // 1: also write y as s8, for int8 linears
  nextScale: f32, // as fixedScale, of y
  nextInverse: f32,
}
