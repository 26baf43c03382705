// The uniform of n:m layers: that of linear layers and the length of an index list.

struct Dims {
  K: u32, // inputs per row with padding, a multiple of 16
  // include lib/outputs.wgsl
  P: u32, // kept inputs per group of 32 columns, filled up to a multiple of 8
}
