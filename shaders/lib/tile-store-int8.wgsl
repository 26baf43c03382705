// Epilogue of s32 sums of a strip, 4 neighbouring columns of one row. Needs what tile-store.wgsl needs, and aScale.

fn store(row: u32, column: u32, sum: vec4<i32>) {
  if (row >= shape.x) {
    return;
  }
  var y = activate(vec4<f32>(sum) * (aScale[row] * atColumn(dims.columns + column)) + atColumn(column));
  if (column < dims.start1) {
    let at = (row * dims.stride0 + column) / 4u;
    if (dims.hasResidual != 0u) {
      y += residual[at];
    }
    out0[at] = y;
  } else if (column < dims.start2) {
    out1[(row * dims.stride1 + column - dims.start1) / 4u] = y;
  } else {
    out2[(row * dims.stride2 + column - dims.start2) / 4u] = y;
  }
}
