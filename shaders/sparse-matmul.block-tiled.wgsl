// sparse-matmul int8 1x4 blocks, variant tiled.   y[M,N] = activation(x[M,K] W[N,K]^T + bias[N]) + residual[M,N], the stored weights alone
// Contract   kernels/sparse-matmul/contract.ts      WebAssembly  assembly/sparse-matmul.ts
// Layout     slices of 32 places, columns of like length side by side; words of pair t at start + 96 t: kernels/sparse-matmul/pack-sell.ts
// Plan       256 places x 4 rows per workgroup; 1024 words of the 4 rows staged as vec4, one vec4 read per entry; % 1024 shows the compiler that it lies in the tile
// Needs      packed_4x8_integer_dot_product; 16 KiB of workgroup memory, 256 invocations
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

var<workgroup> tile: array<vec4<u32>, 1024>; // [1024] x of 4 rows

// include lib/dots.wgsl

// include lib/activate.wgsl

// include lib/store-one.wgsl

fn store(row: u32, column: u32, sum: vec4<i32>, aScale: vec4<f32>) {
  var y = activate(vec4<f32>(sum) * (aScale * bitcast<f32>(columns[dims.columns + column])) + bitcast<f32>(columns[column]));
  for (var i = 0u; i < 4u; i++) {
    storeOne(row + i, column, y[i]);
  }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let place = group.x * 256u + index;
  let row = group.y * 4u;
  let last = shape.x - 1u;
  let row1 = min(row + 1u, last);
  let row2 = min(row + 2u, last);
  let row3 = min(row + 3u, last);
  var start = 0u;
  var pairs = 0u;
  if (place < dims.columns) {
    start = columns[2u * dims.columns + place];
    pairs = columns[3u * dims.columns + place];
  }
  var sum = vec4<i32>();
  // how many pairs of this column are done; columns of x rise and no pair lies in two tiles, so each takes a run of pairs
  var done = 0u;
  for (var first = 0u; first < MOST; first++) {
    if (first >= (dims.K / 4u + 1023u) / 1024u) {
      break;
    }
    let base = first * 1024u;
    for (var i = 0u; i < 4u; i++) {
      let k = i * 256u + index;
      if (base + k < dims.K / 4u) {
        let at = base + k;
        tile[k] = vec4(input[row * (dims.K / 4u) + at], input[row1 * (dims.K / 4u) + at], input[row2 * (dims.K / 4u) + at], input[row3 * (dims.K / 4u) + at]);
      }
    }
    workgroupBarrier();
    for (var t = 0u; t < 1024u; t++) {
      if (done >= pairs) {
        break;
      }
      let at = start + done * 96u;
      let pair = entries[at];
      if ((pair & 0xffffu) >= base + 1024u) {
        break;
      }
      sum += dots(entries[at + 32u], tile[pair % 1024u]);
      sum += dots(entries[at + 64u], tile[(pair >> 16u) % 1024u]);
      done++;
    }
    workgroupBarrier();
  }
  if (place < dims.columns) {
    let scales = vec4(aScale[row], aScale[row1], aScale[row2], aScale[row3]);
    store(row, columns[4u * dims.columns + place], sum, scales);
  }
}
