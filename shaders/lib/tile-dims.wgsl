// The uniform of layers in tiles: that of linear layers and the number of strips.

struct Dims {
  K: u32, // inputs per row, a multiple of 32
  // include lib/outputs.wgsl
  strips: u32, // of 16 columns
}
