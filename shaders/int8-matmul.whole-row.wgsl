// int8-matmul, variant whole-row.   y[M,N] = LayerNorm(f32(A[M,K] . W[N,K]^T) (aScale[M] wScale[N]) + bias[N] + residual[M,N]), A = quantized x; optionally also as s8
// Contract   kernels/int8-matmul/contract.ts      WebAssembly  assembly/int8-matmul.ts
// Layout     x and y f32, rows padded to 16 with 0; A 4 inputs per word; W packed [columns/64][K/4][64] words of 4 inputs
// Plan       16 / SPLIT whole rows per workgroup: quantized once, 256 columns at a time (4 rows x 4 columns per thread), then normalised: neither takes a dispatch
// Needs      packed_4x8_integer_dot_product; 9 KiB of workgroup memory, 256 invocations; K <= 133144 (range in the contract)
// Source     own; the rule is kernels/program/quantization.ts

requires packed_4x8_integer_dot_product;

override SPLIT: u32 = 1u; // 1, 2 or 4 groups of 64 threads share the inputs of the same 4 rows

// include lib/whole-row-dims.wgsl

// include lib/most.wgsl

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>; // [rows, K / 4]
@group(0) @binding(2) var<storage, read> weight: array<vec4<u32>>; // [columns / 64, K / 4, 16], 4 columns x 4 s8 each
@group(0) @binding(3) var<storage, read> columns: array<vec4<f32>>; // [columns / 4] bias, [columns / 4] wScale, [stride / 4] gamma, [stride / 4] beta
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>; // [rows, stride / 4]
@group(0) @binding(5) var<storage, read_write> quantized: array<vec4<u32>>; // [rows, K / 16], 16 s8 each: x, for this kernel alone
@group(0) @binding(6) var<storage, read_write> output: array<vec4<f32>>; // [rows, stride / 4]; holds sums until they are normalised
@group(0) @binding(7) var<storage, read_write> nextQuantized: array<u32>; // [rows, stride / 4], 4 s8 each
@group(0) @binding(8) var<storage, read_write> nextScales: array<f32>; // [rows]
@group(0) @binding(9) var<uniform> dims: Dims;

var<workgroup> staged: array<vec4<i32>, 256>; // [4 groups][64 threads], one row of products at a time
var<workgroup> found: array<vec4<f32>, 256>; // [4 groups][64 threads], one value for each of up to 4 rows
var<workgroup> aScale: array<f32, 16>; // [rows of the workgroup]

// include lib/quantize.wgsl

// include lib/dots.wgsl

// sums over the 64 threads of each group, for all of them; barriers before and after every use of the array
fn totals(index: u32, value: vec4<f32>) -> vec4<f32> {
  workgroupBarrier();
  found[index] = value;
  workgroupBarrier();
  for (var i = 0u; i < 6u; i++) {
    let half = 32u >> i;
    if (index % 64u < half) {
      found[index] += found[index + half];
    }
    workgroupBarrier();
  }
  return found[index / 64u * 64u];
}

// the same for the largest values
fn maxima(index: u32, value: vec4<f32>) -> vec4<f32> {
  workgroupBarrier();
  found[index] = value;
  workgroupBarrier();
  for (var i = 0u; i < 6u; i++) {
    let half = 32u >> i;
    if (index % 64u < half) {
      found[index] = max(found[index], found[index + half]);
    }
    workgroupBarrier();
  }
  return found[index / 64u * 64u];
}

// the workgroup's rows of x to bytes, 16 SPLIT threads to a row
fn quantizeRows(firstRow: u32, index: u32) {
  let own = firstRow + index / (16u * SPLIT);
  let isRow = own < shape.x;
  let thread = index % (16u * SPLIT);
  let words = dims.K / 4u;
  var seen = 0.0;
  for (var i = 0u; i < MOST; i++) {
    if (i * (16u * SPLIT) >= words) {
      break;
    }
    let k = i * (16u * SPLIT) + thread;
    if (isRow && k < words) {
      seen = max(seen, largestOf(input[own * words + k]));
    }
  }
  found[index] = vec4(seen);
  workgroupBarrier();
  var amax = 0.0;
  for (var i = 0u; i < 16u * SPLIT; i++) {
    amax = max(amax, found[(index - thread + i) % 256u].x);
  }
  let inverse = select(inverseScale(amax), dims.fixedInverse, dims.fixedScale > 0.0);
  for (var i = 0u; i < MOST; i++) {
    if (i * (16u * SPLIT) >= words / 4u) {
      break;
    }
    let k = i * (16u * SPLIT) + thread;
    if (isRow && k < words / 4u) {
      let at = own * words + k * 4u;
      quantized[at / 4u] = vec4<u32>(
        pack(input[at], inverse),
        pack(input[at + 1u], inverse),
        pack(input[at + 2u], inverse),
        pack(input[at + 3u], inverse),
      );
    }
  }
  if (thread == 0u) {
    aScale[index / (16u * SPLIT)] = scaleOf(amax, dims.fixedScale);
  }
  storageBarrier();
  workgroupBarrier();
}

// a thread has columns lane * 4 to lane * 4 + 3 of every 256, and of its group's 4 rows every SPLIT-th: row j SPLIT + slice
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let firstRow = group.x * (16u / SPLIT);
  quantizeRows(firstRow, index);
  let lane = index % 64u;
  let slice = index / 64u % SPLIT;
  let stack = index / 64u / SPLIT;
  let row = firstRow + stack * 4u;
  let last = shape.x - 1u;
  let a0 = min(row, last) * (dims.K / 16u);
  let a1 = min(row + 1u, last) * (dims.K / 16u);
  let a2 = min(row + 2u, last) * (dims.K / 16u);
  let a3 = min(row + 3u, last) * (dims.K / 16u);
  var sums = vec4<f32>();
  for (var block = 0u; block < MOST; block++) {
    if (block * 256u >= dims.columns) {
      break;
    }
    let column = block * 256u + lane * 4u;
    // threads past the last panel repeat its first columns, and store nothing
    let panel = min(column / 64u, dims.columns / 64u - 1u) * (dims.K * 4u) + lane % 16u;
    var sum0 = vec4<i32>();
    var sum1 = vec4<i32>();
    var sum2 = vec4<i32>();
    var sum3 = vec4<i32>();
    for (var i = 0u; i < MOST; i++) {
      if (i * SPLIT >= dims.K / 16u) {
        break;
      }
      let k = i * SPLIT + slice;
      if (k < dims.K / 16u) {
        let at = panel + k * 64u;
        // include lib/load-weights.wgsl
        let a = quantized[a0 + k];
        let b = quantized[a1 + k];
        let c = quantized[a2 + k];
        let d = quantized[a3 + k];
        // include lib/add-dots.wgsl
      }
    }
    var products = array<vec4<i32>, 4>(sum0, sum1, sum2, sum3);
    for (var r = 0u; r < 4u; r++) {
      workgroupBarrier();
      staged[index] = products[r];
      workgroupBarrier();
      if (r % SPLIT == slice && row + r < shape.x && column < dims.stride) {
        var sum = vec4<i32>();
        for (var t = 0u; t < SPLIT; t++) {
          sum += staged[((stack * SPLIT + t) * 64u + lane) % 256u];
        }
        let scale = aScale[(stack * 4u + r) % 16u] * columns[dims.columns / 4u + column / 4u];
        let at = ((row + r) * dims.stride + column) / 4u;
        var y = vec4<f32>(sum) * scale + columns[column / 4u];
        if (dims.hasResidual != 0u) {
          y += residual[at];
        }
        output[at] = y;
        sums[r / SPLIT] += y.x + y.y + y.z + y.w;
      }
    }
  }
  let mean = totals(index, sums) / f32(dims.C);
  var squares = vec4<f32>();
  for (var i = 0u; i < MOST; i++) {
    let column = i / (4u / SPLIT) * 256u + lane * 4u;
    let j = i % (4u / SPLIT);
    if (i / (4u / SPLIT) * 256u >= dims.stride) {
      break;
    }
    let own = row + j * SPLIT + slice;
    if (own < shape.x && column < dims.stride) {
      let d = select(vec4<f32>(), output[(own * dims.stride + column) / 4u] - mean[j], column + vec4(0u, 1u, 2u, 3u) < vec4(dims.C));
      squares[j] += dot(d, d);
    }
  }
  let deviation = sqrt(totals(index, squares) / f32(dims.C) + dims.epsilon);
  var seen = vec4<f32>();
  for (var i = 0u; i < MOST; i++) {
    let column = i / (4u / SPLIT) * 256u + lane * 4u;
    let j = i % (4u / SPLIT);
    if (i / (4u / SPLIT) * 256u >= dims.stride) {
      break;
    }
    let own = row + j * SPLIT + slice;
    if (own < shape.x && column < dims.stride) {
      let at = (own * dims.stride + column) / 4u;
      let gamma = (dims.columns * 2u + column) / 4u;
      let y = (output[at] - mean[j]) / deviation[j] * columns[gamma] + columns[gamma + dims.stride / 4u];
      output[at] = y;
      seen[j] = max(seen[j], largestOf(y));
    }
  }
  if (dims.quantize == 0u) {
    return;
  }
  let amax = maxima(index, seen);
  for (var i = 0u; i < MOST; i++) {
    let column = i / (4u / SPLIT) * 256u + lane * 4u;
    let j = i % (4u / SPLIT);
    if (i / (4u / SPLIT) * 256u >= dims.stride) {
      break;
    }
    let own = row + j * SPLIT + slice;
    if (own < shape.x && column < dims.stride) {
      let at = (own * dims.stride + column) / 4u;
      nextQuantized[at] = pack(output[at], select(inverseScale(amax[j]), dims.nextInverse, dims.nextScale > 0.0));
      if (column == 0u) {
        nextScales[own] = scaleOf(amax[j], dims.nextScale);
      }
    }
  }
}
