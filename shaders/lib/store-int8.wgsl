// Epilogue of s32 sums, 4 neighbouring columns of one row. Needs shape, dims, columns, residual, out0 to out2, activate.

fn store(row: u32, column: u32, sum: vec4<i32>, aScale: f32) {
  if (row >= shape.x || column >= dims.columns) {
    return;
  }
  var y = activate(vec4<f32>(sum) * (aScale * columns[dims.columns / 4u + column / 4u]) + columns[column / 4u]);
  if (column < dims.start1) {
    if (column < dims.stride0) {
      let at = (row * dims.stride0 + column) / 4u;
      if (dims.hasResidual != 0u) {
        y += residual[at];
      }
      out0[at] = y;
    }
  } else if (column < dims.start2) {
    if (column - dims.start1 < dims.stride1) {
      out1[(row * dims.stride1 + column - dims.start1) / 4u] = y;
    }
  } else if (column - dims.start2 < dims.stride2) {
    out2[(row * dims.stride2 + column - dims.start2) / 4u] = y;
  }
}
