// the sum over the workgroup's 64 threads, for all of them; barriers before and after every use of the array
fn total(index: u32, value: f32) -> f32 {
  workgroupBarrier();
  partial[index] = value;
  workgroupBarrier();
  for (var i = 0u; i < 6u; i++) {
    let half = 32u >> i;
    if (index < half) {
      partial[index] += partial[index + half];
    }
    workgroupBarrier();
  }
  return partial[0];
}
