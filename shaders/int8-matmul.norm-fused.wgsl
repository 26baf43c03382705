// int8-matmul, variant norm-fused.   y[M,N] = activation(f32(A[M,K] . W[N,K]^T) (aScale[M] wScale[N]) + bias[N]) + residual[M,N], A = quantized LayerNorm(x)
// Contract   kernels/int8-matmul/contract.ts      WebAssembly  assembly/int8-matmul.ts
// Layout     x f32, rows padded to 16 inputs with 0; W packed [columns/64][K/4][64] words of 4 inputs
// Plan       as fused, but each workgroup first normalises its 16 rows, the ones of the first column write them: no dispatch for LayerNorm; pays for few rows
// Needs      packed_4x8_integer_dot_product; 16 KiB of workgroup memory, 256 invocations; K <= 133144 (range in the contract)
// Source     own; the rule is kernels/program/quantization.ts

requires packed_4x8_integer_dot_product;

const COLUMNS = 32u; // columns per workgroup

struct Dims {
  K: u32, // inputs per row with padding, a multiple of 16
  // include lib/outputs.wgsl
  fixedScale: f32, // calibrated scale of all rows, or 0 for one per row
  fixedInverse: f32, // 1 / fixedScale
  C: u32, // inputs per row without padding
  epsilon: f32,
}

// include lib/most.wgsl

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>; // [rows, K / 4]
@group(0) @binding(2) var<storage, read> weight: array<vec4<u32>>; // [columns / 64, K / 4, 16], 4 columns x 4 s8 each
@group(0) @binding(3) var<storage, read> columns: array<vec4<f32>>; // [columns / 4] bias, [columns / 4] wScale, [K / 4] gamma, [K / 4] beta
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(5) var<storage, read_write> out0: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(6) var<storage, read_write> out1: array<vec4<f32>>; // [rows, stride1 / 4]
@group(0) @binding(7) var<storage, read_write> out2: array<vec4<f32>>; // [rows, stride2 / 4]
@group(0) @binding(8) var<storage, read_write> normalized: array<vec4<f32>>; // [rows, K / 4], for the layers that read it later
@group(0) @binding(9) var<uniform> dims: Dims;

var<workgroup> partial: array<vec4<i32>, 1024>; // first what each thread found in its share of a row, then and at the end as in fused

// include lib/quantize.wgsl

// include lib/dots.wgsl

// include lib/activate.wgsl

// include lib/store-int8.wgsl

// the sum over the 16 threads of a row, for all of them in the same order; barriers before and after every use of the array
fn totalOfRow(index: u32, value: f32) -> f32 {
  workgroupBarrier();
  partial[index] = vec4<i32>(bitcast<i32>(value));
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < 16u; i++) {
    sum += bitcast<f32>(partial[(index / 16u) % 16u * 16u + i].x);
  }
  workgroupBarrier();
  return sum;
}

// of this thread's row
var<private> mean: f32;
var<private> inverseDeviation: f32;
var<private> shift: f32; // -mean inverseDeviation

// as LayerNorm gives them; the padding of gamma and beta makes that of a row 0
fn inputOf(own: u32, k: u32) -> vec4<f32> {
  let gamma = dims.columns / 2u + k;
  return (input[own + k] * inverseDeviation + shift) * columns[gamma] + columns[gamma + dims.K / 4u];
}

// include lib/largest-of-row.wgsl

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let last = shape.x - 1u;
  let words = dims.K / 4u;
  // 16 threads per row: its mean, its deviation, its largest element once normalised
  let own = min(group.y * 16u + index / 16u, last) * words;
  var sums = vec4<f32>();
  for (var i = 0u; i < MOST; i++) {
    let k = i * 16u + index % 16u;
    if (i * 16u >= words) {
      break;
    }
    if (k < words) {
      sums += input[own + k];
    }
  }
  mean = totalOfRow(index, sums.x + sums.y + sums.z + sums.w) / f32(dims.C);
  var squares = vec4<f32>();
  for (var i = 0u; i < MOST; i++) {
    let k = i * 16u + index % 16u;
    if (i * 16u >= words) {
      break;
    }
    if (k < words) {
      let d = select(vec4<f32>(), input[own + k] - mean, vec4(0u, 1u, 2u, 3u) + k * 4u < vec4(dims.C));
      squares += d * d;
    }
  }
  inverseDeviation = 1.0 / sqrt(totalOfRow(index, squares.x + squares.y + squares.z + squares.w) / f32(dims.C) + dims.epsilon);
  shift = -mean * inverseDeviation;
  let isWriter = group.x == 0u && group.y * 16u + index / 16u < shape.x;
  var seen = 0.0;
  for (var i = 0u; i < MOST; i++) {
    let k = i * 16u + index % 16u;
    if (i * 16u >= words) {
      break;
    }
    if (k < words) {
      let y = inputOf(own, k);
      seen = max(seen, largestOf(y));
      if (isWriter) {
        normalized[own + k] = y;
      }
    }
  }
  partial[index] = vec4<i32>(bitcast<i32>(seen));
  workgroupBarrier();
  // include lib/quantize-and-multiply.wgsl
}
