// Epilogue of one output, for kernels whose threads take one column each. Needs what store.wgsl needs.

fn storeOne(row: u32, column: u32, y: f32) {
  if (row >= shape.x) {
    return;
  }
  if (column < dims.start1) {
    if (column < dims.stride0) {
      let at = row * dims.stride0 + column;
      var sum = y;
      if (dims.hasResidual != 0u) {
        sum += residual[at];
      }
      out0[at] = sum;
    }
  } else if (column < dims.start2) {
    if (column - dims.start1 < dims.stride1) {
      out1[row * dims.stride1 + column - dims.start1] = y;
    }
  } else if (column - dims.start2 < dims.stride2) {
    out2[row * dims.stride2 + column - dims.start2] = y;
  }
}
