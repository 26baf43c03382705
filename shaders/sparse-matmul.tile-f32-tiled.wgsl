// sparse-matmul 16x32 tiles f32, variant tiled.   y[M,N] = activation(x[M,K] W[N,K]^T + bias[N]) + residual[M,N], the stored tiles alone
// Contract   kernels/sparse-matmul/contract.ts      WebAssembly  assembly/sparse-matmul.ts
// Layout     strips of 16 columns, each a list of its tiles; a tile is 32 inputs x 16 columns: kernels/sparse-matmul/pack-tiles.ts
// Plan       one strip x ROWS rows per workgroup of 64 threads, which are 64 / ROWS groups that take turns at the tiles; 4 x 4 outputs per thread; one tile of x per group staged once, weights straight from memory; the groups' sums are added at the end
// Needs      9 KiB of workgroup memory; ROWS 4, 16 or 64
// Source     own; after block-sparse products on tensor cores, which skip tiles whole

override ROWS: u32 = 64u; // rows per workgroup

// include lib/tile-dims.wgsl

// include lib/most.wgsl

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>; // [rows, K / 4]
@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>; // [tiles, 32 inputs, 4], 4 columns each
@group(0) @binding(3) var<storage, read> columns: array<u32>; // [2, columns] bias, wScale (f32 bits); [strips, 3] column, first tile, tiles; [tiles] which 32 inputs
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(5) var<storage, read_write> out0: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(6) var<storage, read_write> out1: array<vec4<f32>>; // [rows, stride1 / 4]
@group(0) @binding(7) var<storage, read_write> out2: array<vec4<f32>>; // [rows, stride2 / 4]
@group(0) @binding(8) var<uniform> dims: Dims;

// rows are 9 apart, not 8: neighbouring rows are in different banks
var<workgroup> tile: array<vec4<f32>, 576>; // [64 rows of all groups][32 inputs, 4 unused]; at the end sums [4 rows][64 threads]

// include lib/activate.wgsl

// include lib/at-column.wgsl

// include lib/tile-store.wgsl

// a thread's rows are ROWS / 4 apart, so that neighbours read neighbouring rows
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let strip = 2u * dims.columns + group.x * 3u;
  let column = columns[strip];
  let first = columns[strip + 1u];
  let count = columns[strip + 2u];
  let inputs = 2u * dims.columns + dims.strips * 3u + first;
  let firstRow = group.y * ROWS;
  let last = shape.x - 1u;
  let own = index / ROWS;
  let lane = index % 4u;
  let top = own * ROWS + (index % ROWS) / 4u;
  // % shows the compiler that no index is outside
  let row0 = (top + 0u * (ROWS / 4u)) % 64u * 9u;
  let row1 = (top + 1u * (ROWS / 4u)) % 64u * 9u;
  let row2 = (top + 2u * (ROWS / 4u)) % 64u * 9u;
  let row3 = (top + 3u * (ROWS / 4u)) % 64u * 9u;
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  for (var step = 0u; step < MOST; step++) {
    if (step * (64u / ROWS) >= count) {
      break;
    }
    for (var i = 0u; i < 8u; i++) {
      let slot = i * 64u + index;
      let row = slot / 8u;
      let t = step * (64u / ROWS) + row / ROWS;
      if (t < count) {
        tile[row * 9u + slot % 8u] = input[min(firstRow + row % ROWS, last) * (dims.K / 4u) + columns[inputs + t] * 8u + slot % 8u];
      }
    }
    workgroupBarrier();
    let t = step * (64u / ROWS) + own;
    if (t < count) {
      let w = (first + t) * 128u + lane;
      for (var k = 0u; k < 8u; k++) {
        let w0 = weight[w + k * 16u];
        let w1 = weight[w + k * 16u + 4u];
        let w2 = weight[w + k * 16u + 8u];
        let w3 = weight[w + k * 16u + 12u];
        let a = tile[row0 + k];
        let b = tile[row1 + k];
        let c = tile[row2 + k];
        let d = tile[row3 + k];
        // include lib/add-products.wgsl
      }
    }
    workgroupBarrier();
  }
  tile[index] = sum0;
  tile[64u + index] = sum1;
  tile[128u + index] = sum2;
  tile[192u + index] = sum3;
  workgroupBarrier();
  for (var i = 0u; i < 4u; i++) {
    let output = i * 64u + index;
    if (output < ROWS * 4u) {
      let at = output / ROWS * 64u + output % ROWS;
      var sum = tile[at];
      for (var other = 1u; other < 64u / ROWS; other++) {
        sum += tile[at + other * ROWS];
      }
      store(firstRow + output / ROWS * (ROWS / 4u) + output % ROWS / 4u, column + lane * 4u, sum);
    }
  }
}
