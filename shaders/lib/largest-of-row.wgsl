// the largest |x| of a row of the workgroup, of those that its 16 threads found
fn largestOfRow(row: u32) -> f32 {
  var largest = 0.0;
  for (var i = 0u; i < 16u; i++) {
    largest = max(largest, bitcast<f32>(partial[row % 16u * 16u + i].x));
  }
  return largest;
}
