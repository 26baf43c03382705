// sparse-matmul n:m f32, variant tiled.   y[M,N] = activation(x[M,K] W[N,K]^T + bias[N]) + residual[M,N], the stored weights alone
// Contract   kernels/sparse-matmul/contract.ts      Twin  assembly/sparse-matmul.ts
// Layout     index lists [COLUMNS/32, P]; values [COLUMNS/32, P, 32 columns]: one index serves 32 columns
// Plan       256 columns x 4 rows per workgroup of 64; the 4 rows staged as vec4 in runs of TILE inputs, one read serves 16 products
// Needs      16 KiB of workgroup memory; TILE <= 1024, a multiple of m; TILE_P = TILE n / m
// Source     own

override K: u32 = 16u; // inputs per row with padding, a multiple of 16
override P: u32 = 8u; // kept inputs per group of 32 columns
override TILE: u32 = 1024u; // inputs staged at once
override TILE_P: u32 = 512u; // kept inputs among them
override COLUMNS: u32 = 64u; // columns of all outputs, each output padded to 64
override START1: u32 = 0xffffffffu; // first column of the second output, a multiple of 64
override START2: u32 = 0xffffffffu; // first column of the third output
override STRIDE0: u32 = 16u; // columns per row of each output, a multiple of 16
override STRIDE1: u32 = 16u;
override STRIDE2: u32 = 16u;
override ACTIVATION: u32 = 0u; // 0 none, 1 gelu, 2 tanh
override HAS_RESIDUAL: bool = false; // for the first output

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<f32>; // [rows, K]
@group(0) @binding(2) var<storage, read> values: array<vec4<f32>>; // [COLUMNS / 32, P, 8]
@group(0) @binding(3) var<storage, read> columns: array<vec4<f32>>; // [COLUMNS / 4] bias
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>; // [rows, STRIDE0 / 4]
@group(0) @binding(5) var<storage, read_write> out0: array<vec4<f32>>; // [rows, STRIDE0 / 4]
@group(0) @binding(6) var<storage, read_write> out1: array<vec4<f32>>; // [rows, STRIDE1 / 4]
@group(0) @binding(7) var<storage, read_write> out2: array<vec4<f32>>; // [rows, STRIDE2 / 4]
@group(0) @binding(8) var<storage, read> indices: array<u32>; // [COLUMNS / 32, P]

var<workgroup> tile: array<vec4<f32>, 1024>; // [TILE] x of 4 rows

// gelu in its erf form: erfc(|x| / sqrt 2) by Abramowitz and Stegun 7.1.26, off by at most 1.5e-7; arguments of exp and
// tanh are kept in a range where every driver is finite
fn activate(x: vec4<f32>) -> vec4<f32> {
  if (ACTIVATION == 1u) {
    let z = min(abs(x) * 0.70710678, vec4(9.0));
    let t = 1.0 / (1.0 + 0.3275911 * z);
    let series = 0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)));
    let tail = t * series * exp(-z * z);
    return 0.5 * x * select(2.0 - tail, tail, x < vec4(0.0));
  }
  if (ACTIVATION == 2u) {
    return tanh(clamp(x, vec4(-15.0), vec4(15.0)));
  }
  return x;
}

fn store(row: u32, column: u32, sum: vec4<f32>) {
  if (row >= shape.x || column >= COLUMNS) {
    return;
  }
  var y = activate(sum + columns[column / 4u]);
  if (column < START1) {
    if (column < STRIDE0) {
      let at = (row * STRIDE0 + column) / 4u;
      if (HAS_RESIDUAL) {
        y += residual[at];
      }
      out0[at] = y;
    }
  } else if (column < START2) {
    if (column - START1 < STRIDE1) {
      out1[(row * STRIDE1 + column - START1) / 4u] = y;
    }
  } else if (column - START2 < STRIDE2) {
    out2[(row * STRIDE2 + column - START2) / 4u] = y;
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let column = group.x * 256u + index * 4u;
  let row = group.y * 4u;
  let last = shape.x - 1u;
  let x0 = row * K;
  let x1 = min(row + 1u, last) * K;
  let x2 = min(row + 2u, last) * K;
  let x3 = min(row + 3u, last) * K;
  let list = (min(column, COLUMNS - 1u) / 32u) * P;
  let lane = (column % 32u) / 4u;
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  for (var step = 0u; step < (P + TILE_P - 1u) / TILE_P; step++) {
    let base = step * TILE;
    for (var i = 0u; i < 16u; i++) {
      let slot = i * 64u + index;
      let k = base + slot;
      if (slot < TILE && k < K) {
        tile[slot] = vec4(input[x0 + k], input[x1 + k], input[x2 + k], input[x3 + k]);
      }
    }
    workgroupBarrier();
    for (var i = 0u; i < TILE_P; i++) {
      let p = step * TILE_P + i;
      if (p >= P) {
        break;
      }
      let x = tile[indices[list + p] - base];
      let w = values[(list + p) * 8u + lane];
      sum0 += x.x * w;
      sum1 += x.y * w;
      sum2 += x.z * w;
      sum3 += x.w * w;
    }
    workgroupBarrier();
  }
  store(row, column, sum0);
  store(row + 1u, column, sum1);
  store(row + 2u, column, sum2);
  store(row + 3u, column, sum3);
}
