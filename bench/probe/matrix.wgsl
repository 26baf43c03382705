// matrix probe.   chains of sum = sum + A W in i8 -> i32, 4 sums of 16 x 16 by each of 4 subgroups, 32 inputs a step
// Contract   result[0] is written only by a value that cannot occur, so that the loop is not dead
// Layout     result i32 [640] of bytes 1: A and 4 W, equal but not to the compiler, are 512 of its bytes each; one workgroup does 4 * 4 * 16 * 16 * 32 * 512 multiply-adds
// Plan       operands loaded once, no memory traffic in the loop: the rate is that of the matrix units
// Needs      chromium_experimental_subgroup_matrix with i8 -> i32 of 16 x 16 x 32, subgroups of 32; 16 KiB of workgroup memory

enable chromium_experimental_subgroup_matrix;
enable subgroups;

@group(0) @binding(0) var<storage, read_write> result: array<i32>; // [640]

var<workgroup> sums: array<i32, 4096>; // [4 subgroups][4 sums][16 rows][16 columns]

const STEPS = 512u;

alias A = subgroup_matrix_left<i8, 32, 16>;
alias W = subgroup_matrix_right<i8, 16, 32>;
alias Sum = subgroup_matrix_result<i32, 16, 16>;

@compute @workgroup_size(128)
fn main(@builtin(local_invocation_index) index: u32, @builtin(subgroup_id) subgroup: u32) {
  // offsets and strides count i8
  let a = subgroupMatrixLoad<A, row_major>(&result, 0u, 32u);
  let w0 = subgroupMatrixLoad<W, col_major>(&result, 512u, 32u);
  let w1 = subgroupMatrixLoad<W, col_major>(&result, 1024u, 32u);
  let w2 = subgroupMatrixLoad<W, col_major>(&result, 1536u, 32u);
  let w3 = subgroupMatrixLoad<W, col_major>(&result, 2048u, 32u);
  var sum0 = Sum();
  var sum1 = Sum();
  var sum2 = Sum();
  var sum3 = Sum();
  for (var i = 0u; i < STEPS; i++) {
    sum0 = subgroupMatrixMultiplyAccumulate(a, w0, sum0);
    sum1 = subgroupMatrixMultiplyAccumulate(a, w1, sum1);
    sum2 = subgroupMatrixMultiplyAccumulate(a, w2, sum2);
    sum3 = subgroupMatrixMultiplyAccumulate(a, w3, sum3);
  }
  let own = subgroup * 1024u;
  subgroupMatrixStore<row_major>(&sums, own, sum0, 16u);
  subgroupMatrixStore<row_major>(&sums, own + 256u, sum1, 16u);
  subgroupMatrixStore<row_major>(&sums, own + 512u, sum2, 16u);
  subgroupMatrixStore<row_major>(&sums, own + 768u, sum3, 16u);
  workgroupBarrier();
  var total = 0;
  for (var i = 0u; i < 32u; i++) {
    total |= sums[i * 128u + index];
  }
  // each sum is 512 * 32
  if (total < 0) {
    result[0] = total;
  }
}
