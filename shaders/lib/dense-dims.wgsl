// The uniform of dense f32 layers: that of linear layers, and where in a row of the input each part finds its own.

struct Dims {
  K: u32, // inputs per row with padding, a multiple of 16
  // include lib/outputs.wgsl
  inputStride: u32, // elements per row of the input buffer, a multiple of 16
  input1: u32, // first input of the second part within a row, a multiple of 16; the first part's is 0
  input2: u32, // of the third part
}

// where row `row` of the inputs of a column begins, in vec4s
fn inputsOf(row: u32, column: u32) -> u32 {
  let first = select(select(0u, dims.input1, column >= dims.start1), dims.input2, column >= dims.start2);
  return (row * dims.inputStride + first) / 4u;
}
