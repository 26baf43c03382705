// What every linear layer's Dims say of its outputs.
  columns: u32, // columns of all outputs, each output padded to 64
  start1: u32, // first column of the second output, a multiple of 64
  start2: u32, // first column of the third output
  stride0: u32, // columns per row of each output, multiples of 16
  stride1: u32,
  stride2: u32,
  activation: u32, // 0 none, 1 gelu, 2 tanh, 3 relu, 4 gelu_tanh, 5 silu
  hasResidual: u32, // 1: add it
