// sparse-matmul int8 1x4 blocks, variant direct.   y[M,N] = activation(x[M,K] W[N,K]^T + bias[N]) + residual[M,N], the stored weights alone
// Contract   kernels/sparse-matmul/contract.ts      WebAssembly  assembly/sparse-matmul.ts
// Layout     slices of 32 places, columns of like length side by side; words of pair t at start + 96 t: kernels/sparse-matmul/pack-sell.ts
// Plan       one place x 4 rows per thread, x gathered straight from memory
// Needs      packed_4x8_integer_dot_product; no workgroup memory
// Source     own

requires packed_4x8_integer_dot_product;

// include lib/linear-dims.wgsl

// include lib/most.wgsl

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<u32>; // [rows, K / 4], 4 s8 each
@group(0) @binding(2) var<storage, read> entries: array<u32>; // pairs of entries: two block columns (u16), twice 4 s8
@group(0) @binding(3) var<storage, read> columns: array<u32>; // [5, columns]: bias, wScale (f32 bits) by column; start, pairs, column by place
@group(0) @binding(4) var<storage, read> residual: array<f32>; // [rows, stride0]
@group(0) @binding(5) var<storage, read_write> out0: array<f32>; // [rows, stride0]
@group(0) @binding(6) var<storage, read_write> out1: array<f32>; // [rows, stride1]
@group(0) @binding(7) var<storage, read_write> out2: array<f32>; // [rows, stride2]
@group(0) @binding(8) var<storage, read> aScale: array<f32>; // [rows]
@group(0) @binding(9) var<uniform> dims: Dims;

// include lib/dots.wgsl

// include lib/activate.wgsl

// include lib/store-one.wgsl

fn store(row: u32, column: u32, sum: vec4<i32>, aScale: vec4<f32>) {
  var y = activate(vec4<f32>(sum) * (aScale * bitcast<f32>(columns[dims.columns + column])) + bitcast<f32>(columns[column]));
  for (var i = 0u; i < 4u; i++) {
    storeOne(row + i, column, y[i]);
  }
}

@compute @workgroup_size(32, 2)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let place = id.x;
  let row = id.y * 4u;
  if (place >= dims.columns || row >= shape.x) {
    return;
  }
  let last = shape.x - 1u;
  let row1 = min(row + 1u, last);
  let row2 = min(row + 2u, last);
  let row3 = min(row + 3u, last);
  let x0 = row * (dims.K / 4u);
  let x1 = row1 * (dims.K / 4u);
  let x2 = row2 * (dims.K / 4u);
  let x3 = row3 * (dims.K / 4u);
  let start = columns[2u * dims.columns + place];
  let pairs = columns[3u * dims.columns + place];
  var sum = vec4<i32>();
  // a constant bound and a break: a loop the compiler sees to be finite
  for (var t = 0u; t < MOST; t++) {
    if (t >= pairs) {
      break;
    }
    let at = start + t * 96u;
    let pair = entries[at];
    let k0 = pair & 0xffffu;
    let k1 = pair >> 16u;
    sum += dots(entries[at + 32u], vec4(input[x0 + k0], input[x1 + k0], input[x2 + k0], input[x3 + k0]));
    sum += dots(entries[at + 64u], vec4(input[x0 + k1], input[x1 + k1], input[x2 + k1], input[x3 + k1]));
  }
  let scales = vec4(aScale[row], aScale[row1], aScale[row2], aScale[row3]);
  store(row, columns[4u * dims.columns + place], sum, scales);
}
