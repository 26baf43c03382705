// int8-matmul, variant slice.   y[M,N] = activation(f32(A[M,K] . W[N,K]^T) (aScale[M] wScale[N]) + bias[N]) + residual[M,N]
// Contract   kernels/int8-matmul/contract.ts      WebAssembly  assembly/int8-matmul.ts
// Layout     A 4 inputs per word, rows padded to 16 inputs with 0; W packed [columns/64][K/4][64] words of 4 inputs
// Plan       16 rows x 32 columns per workgroup; 8 groups of 32 threads each take every eighth 16 inputs, 4 x 4 outputs per thread; one sum at the end
// Needs      packed_4x8_integer_dot_product; 16 KiB of workgroup memory, 256 invocations; K <= 133144 (range in the contract)
// Source     own; scales only in the epilogue, the loop is pure dot4I8Packed

requires packed_4x8_integer_dot_product;

// include lib/linear-dims.wgsl

// include lib/most.wgsl

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> input: array<vec4<u32>>; // [rows, K / 16], 16 s8 each
@group(0) @binding(2) var<storage, read> weight: array<vec4<u32>>; // [columns / 64, K / 4, 16], 4 columns x 4 s8 each
@group(0) @binding(3) var<storage, read> columns: array<vec4<f32>>; // [columns / 4] bias, [columns / 4] wScale
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(5) var<storage, read_write> out0: array<vec4<f32>>; // [rows, stride0 / 4]
@group(0) @binding(6) var<storage, read_write> out1: array<vec4<f32>>; // [rows, stride1 / 4]
@group(0) @binding(7) var<storage, read_write> out2: array<vec4<f32>>; // [rows, stride2 / 4]
@group(0) @binding(8) var<storage, read> aScale: array<f32>; // [rows]
@group(0) @binding(9) var<uniform> dims: Dims;

var<workgroup> partial: array<vec4<i32>, 1024>; // [8 groups][4 rows][32 threads]

// include lib/dots.wgsl

// include lib/activate.wgsl

// include lib/store-int8.wgsl

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let slice = index / 32u;
  let lane = index % 32u;
  let column = group.x * 32u + (lane % 8u) * 4u;
  let row = group.y * 16u + (lane / 8u) * 4u;
  let last = shape.x - 1u;
  let a0 = min(row, last) * (dims.K / 16u);
  let a1 = min(row + 1u, last) * (dims.K / 16u);
  let a2 = min(row + 2u, last) * (dims.K / 16u);
  let a3 = min(row + 3u, last) * (dims.K / 16u);
  let panel = (column / 64u) * (dims.K * 4u) + (column % 64u) / 4u;
  var sum0 = vec4<i32>();
  var sum1 = vec4<i32>();
  var sum2 = vec4<i32>();
  var sum3 = vec4<i32>();
  for (var i = 0u; i < MOST; i++) {
    if (i >= (dims.K / 16u + 7u) / 8u) {
      break;
    }
    let k = i * 8u + slice;
    if (k < dims.K / 16u) {
      let at = panel + k * 64u;
      let w0 = weight[at];
      let w1 = weight[at + 16u];
      let w2 = weight[at + 32u];
      let w3 = weight[at + 48u];
      let a = input[a0 + k];
      let b = input[a1 + k];
      let c = input[a2 + k];
      let d = input[a3 + k];
      sum0 += dots(a.x, w0) + dots(a.y, w1) + dots(a.z, w2) + dots(a.w, w3);
      sum1 += dots(b.x, w0) + dots(b.y, w1) + dots(b.z, w2) + dots(b.w, w3);
      sum2 += dots(c.x, w0) + dots(c.y, w1) + dots(c.z, w2) + dots(c.w, w3);
      sum3 += dots(d.x, w0) + dots(d.y, w1) + dots(d.z, w2) + dots(d.w, w3);
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
    store(row + slice, column, sum, aScale[min(row + slice, last)]);
  }
}
