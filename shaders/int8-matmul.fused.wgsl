// int8-matmul, variant fused.   y[M,N] = activation(f32(A[M,K] . W[N,K]^T) (aScale[M] wScale[N]) + bias[N]) + residual[M,N]
// Contract   kernels/int8-matmul/contract.ts      WebAssembly  assembly/int8-matmul.ts
// Layout     x f32, rows padded to 16 inputs with 0; W packed [columns/64][K/4][64] words of 4 inputs
// Plan       as slice, but the workgroup finds the scale of its 16 rows and quantizes them as it reads: no dispatch for that; pays for few rows
// Needs      packed_4x8_integer_dot_product; 16 KiB of workgroup memory, 256 invocations; K <= 133144 (range in the contract)
// Source     own; scales only in the epilogue, the loop is pure dot4I8Packed

requires packed_4x8_integer_dot_product;

struct Dims {
  K: u32, // inputs per row with padding, a multiple of 16
  // include lib/outputs.wgsl
  fixedScale: f32, // calibrated scale of all rows, or 0 for one per row
  fixedInverse: f32, // 1 / fixedScale
}

// include lib/most.wgsl

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>; // [rows, K / 4]
@group(0) @binding(2) var<storage, read> weight: array<vec4<u32>>; // [columns / 64, K / 4, 16], 4 columns x 4 s8 each
@group(0) @binding(3) var<storage, read> columns: array<vec4<f32>>; // [columns / 4] bias, [columns / 4] wScale
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(5) var<storage, read_write> out0: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(6) var<storage, read_write> out1: array<vec4<f32>>; // [rows, stride1 / 4]
@group(0) @binding(7) var<storage, read_write> out2: array<vec4<f32>>; // [rows, stride2 / 4]
@group(0) @binding(8) var<uniform> dims: Dims;

var<workgroup> partial: array<vec4<i32>, 1024>; // [8 groups][4 rows][32 threads]; first the largest |x| that each thread saw

// include lib/quantize.wgsl

// include lib/dots.wgsl

// include lib/activate.wgsl

// include lib/store-int8.wgsl

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let last = shape.x - 1u;
  let words = dims.K / 4u;
  // 16 threads per row look for its largest element
  let seen = min(group.y * 16u + index / 16u, last) * words;
  var own = 0.0;
  for (var i = 0u; i < MOST; i++) {
    let k = i * 16u + index % 16u;
    if (i * 16u >= words) {
      break;
    }
    if (k < words) {
      own = max(own, largestOf(input[seen + k]));
    }
  }
  partial[index] = vec4<i32>(bitcast<i32>(own));
  workgroupBarrier();
  let slice = index / 32u;
  let lane = index % 32u;
  var amax = vec4<f32>();
  var inverse = vec4<f32>();
  for (var r = 0u; r < 4u; r++) {
    for (var i = 0u; i < 16u; i++) {
      amax[r] = max(amax[r], bitcast<f32>(partial[((lane / 8u) * 4u + r) * 16u + i].x));
    }
    inverse[r] = select(inverseScale(amax[r]), dims.fixedInverse, dims.fixedScale > 0.0);
  }
  // the array is used again below
  workgroupBarrier();
  let column = group.x * 32u + (lane % 8u) * 4u;
  let row = group.y * 16u + (lane / 8u) * 4u;
  let a0 = min(row, last) * words;
  let a1 = min(row + 1u, last) * words;
  let a2 = min(row + 2u, last) * words;
  let a3 = min(row + 3u, last) * words;
  let panel = (column / 64u) * (dims.K * 4u) + (column % 64u) / 4u;
  var sum0 = vec4<i32>();
  var sum1 = vec4<i32>();
  var sum2 = vec4<i32>();
  var sum3 = vec4<i32>();
  for (var i = 0u; i < MOST; i++) {
    if (i * 8u >= words) {
      break;
    }
    let k = i * 8u + slice;
    if (k < words) {
      let w = weight[panel + k * 16u];
      sum0 += dots(pack(input[a0 + k], inverse.x), w);
      sum1 += dots(pack(input[a1 + k], inverse.y), w);
      sum2 += dots(pack(input[a2 + k], inverse.z), w);
      sum3 += dots(pack(input[a3 + k], inverse.w), w);
    }
  }
  partial[slice * 128u + lane] = sum0;
  partial[slice * 128u + 32u + lane] = sum1;
  partial[slice * 128u + 64u + lane] = sum2;
  partial[slice * 128u + 96u + lane] = sum3;
  workgroupBarrier();
  // 128 of the 256 threads add the 8 partial sums of 4 columns of one row each; % shows the compiler that no index is outside
  if (index < 128u) {
    var sum = partial[index];
    for (var i = 1u; i < 8u; i++) {
      sum += partial[i * 128u + index % 128u];
    }
    store(row + slice, column, sum, scaleOf(amax[slice], dims.fixedScale));
  }
}
