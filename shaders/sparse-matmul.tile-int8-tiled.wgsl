// sparse-matmul 16x32 tiles int8, variant tiled.   y[M,N] = activation(f32(A[M,K] . W[N,K]^T) (aScale[M] wScale[N]) + bias[N]) + residual[M,N], the stored tiles alone
// Contract   kernels/sparse-matmul/contract.ts      WebAssembly  assembly/sparse-matmul.ts
// Layout     strips of 16 columns, each a list of its tiles; a tile is 8 words x 16 columns of 4 s8: kernels/sparse-matmul/pack-tiles.ts
// Plan       one strip x ROWS rows per workgroup of 64 threads, which are 64 / ROWS groups that take turns at the tiles; 4 x 4 outputs per thread; 4 tiles of x per group staged once, weights straight from memory; the groups' sums are added at the end
// Needs      packed_4x8_integer_dot_product; 8 KiB of workgroup memory; ROWS 4, 16 or 64
// Source     own; after block-sparse products on tensor cores, which skip tiles whole

requires packed_4x8_integer_dot_product;

override ROWS: u32 = 64u; // rows per workgroup

// include lib/tile-dims.wgsl

// include lib/most.wgsl

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<vec4<u32>>; // [rows, K / 16], 16 s8 each
@group(0) @binding(2) var<storage, read> weight: array<vec4<u32>>; // [tiles, 8, 4], 4 columns x 4 s8 each
@group(0) @binding(3) var<storage, read> columns: array<u32>; // [2, columns] bias, wScale (f32 bits); [strips, 3] column, first tile, tiles; [tiles] which 32 inputs
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(5) var<storage, read_write> out0: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(6) var<storage, read_write> out1: array<vec4<f32>>; // [rows, stride1 / 4]
@group(0) @binding(7) var<storage, read_write> out2: array<vec4<f32>>; // [rows, stride2 / 4]
@group(0) @binding(8) var<storage, read> aScale: array<f32>; // [rows]
@group(0) @binding(9) var<uniform> dims: Dims;

var<workgroup> tile: array<vec4<u32>, 512>; // [4 tiles][64 rows of all groups][32 inputs]; at the end sums [4 rows][64 threads]

// include lib/dots.wgsl

// include lib/activate.wgsl

// include lib/at-column.wgsl

// include lib/tile-store-int8.wgsl

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
  let row0 = (top + 0u * (ROWS / 4u)) % 64u;
  let row1 = (top + 1u * (ROWS / 4u)) % 64u;
  let row2 = (top + 2u * (ROWS / 4u)) % 64u;
  let row3 = (top + 3u * (ROWS / 4u)) % 64u;
  var sum0 = vec4<i32>();
  var sum1 = vec4<i32>();
  var sum2 = vec4<i32>();
  var sum3 = vec4<i32>();
  for (var step = 0u; step < MOST; step++) {
    if (step * (256u / ROWS) >= count) {
      break;
    }
    for (var i = 0u; i < 8u; i++) {
      let slot = i * 64u + index;
      let row = slot / 2u % 64u;
      let t = step * (256u / ROWS) + slot / 128u * (64u / ROWS) + row / ROWS;
      if (t < count) {
        tile[slot] = input[min(firstRow + row % ROWS, last) * (dims.K / 16u) + columns[inputs + t] * 2u + slot % 2u];
      }
    }
    workgroupBarrier();
    for (var i = 0u; i < 4u; i++) {
      let t = step * (256u / ROWS) + i * (64u / ROWS) + own;
      if (t >= count) {
        break;
      }
      let w = (first + t) * 32u + lane;
      for (var k = 0u; k < 2u; k++) {
        let w0 = weight[w + k * 16u];
        let w1 = weight[w + k * 16u + 4u];
        let w2 = weight[w + k * 16u + 8u];
        let w3 = weight[w + k * 16u + 12u];
        let a = tile[i * 128u + row0 * 2u + k];
        let b = tile[i * 128u + row1 * 2u + k];
        let c = tile[i * 128u + row2 * 2u + k];
        let d = tile[i * 128u + row3 * 2u + k];
        // include lib/add-dots.wgsl
      }
    }
    workgroupBarrier();
  }
  tile[index] = bitcast<vec4<u32>>(sum0);
  tile[64u + index] = bitcast<vec4<u32>>(sum1);
  tile[128u + index] = bitcast<vec4<u32>>(sum2);
  tile[192u + index] = bitcast<vec4<u32>>(sum3);
  workgroupBarrier();
  for (var i = 0u; i < 4u; i++) {
    let output = i * 64u + index;
    if (output < ROWS * 4u) {
      let at = output / ROWS * 64u + output % ROWS;
      var sum = bitcast<vec4<i32>>(tile[at]);
      for (var other = 1u; other < 64u / ROWS; other++) {
        sum += bitcast<vec4<i32>>(tile[at + other * ROWS]);
      }
      store(firstRow + output / ROWS * (ROWS / 4u) + output % ROWS / 4u, column + lane * 4u, sum);
    }
  }
}
