// low-rank-linear, variant fused.   y[M,N] = activation((x[M,K] F0[R,K]^T) F1[N,R]^T + bias[N]) + residual[M,N], f32
// Contract   kernels/low-rank-linear/contract.ts      WebAssembly  none: a layer for each factor
// Layout     x rows padded to 16 with 0; F0 of all parts side by side and F1 packed [columns/64][inputs][64] as in dense-matmul; up to three outputs
// Plan       4 rows x 64 (or 256) columns of one part per workgroup; 16 groups of 16 threads make 64 ranks at a time, each of every sixteenth 4 inputs; x F0^T stays in workgroup memory; then 16 (4) groups share the ranks
// Needs      12 KiB of workgroup memory, 256 invocations; R <= 256; each workgroup reads F0 of its part: meant for few rows and small F0
// Source     own

override COLUMNS: u32 = 64u; // columns per workgroup: 64 or 256

struct Dims {
  R: u32, // ranks of a part with padding, a multiple of 16
  // include lib/outputs.wgsl
  ranks: u32, // elements per row of the buffer between the factors, which is left out here
  rank1: u32, // first rank of the second part among all, a multiple of 16; the first part's is 0
  rank2: u32, // of the third part
  K: u32, // inputs per row with padding, a multiple of 16
}

// include lib/most.wgsl

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>; // [rows, K / 4]
@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>; // F1 [columns / 64, R, 16]
@group(0) @binding(3) var<storage, read> columns: array<vec4<f32>>; // [columns / 4] bias
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(5) var<storage, read_write> out0: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(6) var<storage, read_write> out1: array<vec4<f32>>; // [rows, stride1 / 4]
@group(0) @binding(7) var<storage, read_write> out2: array<vec4<f32>>; // [rows, stride2 / 4]
@group(0) @binding(8) var<storage, read> factor: array<vec4<f32>>; // F0 [ranks / 64, K, 16]
@group(0) @binding(9) var<uniform> dims: Dims;

var<workgroup> between: array<vec4<f32>, 256>; // [4 rows][256 ranks / 4]
var<workgroup> partial: array<vec4<f32>, 512>; // [2 rows][256 threads]

// include lib/activate.wgsl

// include lib/store.wgsl

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let start = select(select(0u, dims.start1, group.z > 0u), dims.start2, group.z > 1u);
  let end = min(dims.columns, select(select(dims.start1, dims.start2, group.z > 0u), dims.columns, group.z > 1u));
  let firstRank = select(select(0u, dims.rank1, group.z > 0u), dims.rank2, group.z > 1u);
  // parts may differ in their columns: the grid is that of the widest
  if (start + group.x * COLUMNS >= end) {
    return;
  }
  let row = group.y * 4u;
  let last = shape.x - 1u;
  let x0 = row * (dims.K / 4u);
  let x1 = min(row + 1u, last) * (dims.K / 4u);
  let x2 = min(row + 2u, last) * (dims.K / 4u);
  let x3 = min(row + 3u, last) * (dims.K / 4u);
  for (var panel = 0u; panel < 4u; panel++) {
    if (panel * 64u >= dims.R) {
      break;
    }
    let slice = index / 16u;
    let rank = firstRank + panel * 64u + (index % 16u) * 4u;
    let first = (rank / 64u) * (dims.K * 16u) + (rank % 64u) / 4u;
    var sum0 = vec4<f32>();
    var sum1 = vec4<f32>();
    var sum2 = vec4<f32>();
    var sum3 = vec4<f32>();
    for (var i = 0u; i < MOST; i++) {
      let k = i * 16u + slice;
      // ranks of the next part, or none at all, are multiplied by nothing below
      if (k >= dims.K / 4u || rank - firstRank >= dims.R) {
        break;
      }
      let at = first + k * 64u;
      let w0 = factor[at];
      let w1 = factor[at + 16u];
      let w2 = factor[at + 32u];
      let w3 = factor[at + 48u];
      // include lib/load-inputs.wgsl
      // include lib/add-products.wgsl
    }
    // two rows at a time; % shows the compiler that no index is outside
    for (var two = 0u; two < 2u; two++) {
      partial[index] = select(sum0, sum2, two > 0u);
      partial[256u + index] = select(sum1, sum3, two > 0u);
      workgroupBarrier();
      if (index < 32u) {
        var sum = vec4<f32>();
        for (var i = 0u; i < 16u; i++) {
          sum += partial[(index / 16u) % 2u * 256u + i * 16u + index % 16u];
        }
        between[(two * 2u + (index / 16u) % 2u) * 64u + panel * 16u + index % 16u] = sum;
      }
      workgroupBarrier();
    }
  }
  let lane = index % (COLUMNS / 4u);
  let slice = index / (COLUMNS / 4u);
  let column = start + group.x * COLUMNS + lane * 4u;
  let first = (column / 64u) * (dims.R * 16u) + (column % 64u) / 4u;
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  for (var i = 0u; i < 64u; i++) {
    let k = i * (1024u / COLUMNS) + slice;
    if (k >= dims.R / 4u || column >= end) {
      break;
    }
    let at = first + k * 64u;
    // include lib/load-weights.wgsl
    let a = between[k % 64u];
    let b = between[64u + k % 64u];
    let c = between[128u + k % 64u];
    let d = between[192u + k % 64u];
    // include lib/add-products.wgsl
  }
  for (var two = 0u; two < 2u; two++) {
    partial[index] = select(sum0, sum2, two > 0u);
    partial[256u + index] = select(sum1, sum3, two > 0u);
    workgroupBarrier();
    if (index < COLUMNS / 2u) {
      let second = index / (COLUMNS / 4u);
      var sum = vec4<f32>();
      for (var i = 0u; i < 1024u / COLUMNS; i++) {
        sum += partial[second % 2u * 256u + (i * (COLUMNS / 4u) + lane) % 256u];
      }
      if (column < end) {
        store(row + two * 2u + second, column, sum);
      }
    }
    workgroupBarrier();
  }
}
