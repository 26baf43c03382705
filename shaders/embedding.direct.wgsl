// embedding, variant direct.   y[M,C] = layernorm(word[id] + position[place in its sequence] + type[token type]); optionally also as s8
// Contract   kernels/embedding/contract.ts      WebAssembly  assembly/embedding.ts
// Layout     tables' rows padded to 16 elements; position and type tables in one buffer; words f32 or u8
// Plan       one row per thread; the sum is in the output until it is normalised there
// Needs      packed_4x8_integer_dot_product; no workgroup memory
// Source     own

requires packed_4x8_integer_dot_product;

struct Dims {
  C: u32, // elements per row
  width: u32, // elements per row with padding, a multiple of 16
  epsilon: f32,
  quantize: u32, // 1: also write the row as s8, for int8 linears
  wordInt8: u32, // 1: words as u8 with scale and offset per row; 0: f32
  positions: u32, // rows of the position table
  fixedScale: f32, // calibrated scale of all rows, or 0 for one per row
  fixedInverse: f32, // 1 / fixedScale
}

// include lib/most.wgsl

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> tokens: array<vec4<u32>>; // [rows]: id, type, position in its sequence, 0
@group(0) @binding(2) var<storage, read> words: array<vec4<u32>>; // [words, width / 4] f32 bits or [words, width / 16] u8
@group(0) @binding(3) var<storage, read> wordScales: array<vec2<f32>>; // [words] scale, offset of u8 rows
@group(0) @binding(4) var<storage, read> positions: array<vec4<f32>>; // [positions + types, width / 4]
@group(0) @binding(5) var<storage, read> gammaBeta: array<vec4<f32>>; // [2, width / 4]
@group(0) @binding(6) var<storage, read_write> output: array<vec4<f32>>; // [rows, width / 4]; holds x until it is normalised
@group(0) @binding(7) var<storage, read_write> quantized: array<u32>; // [rows, width / 4], 4 s8 each
@group(0) @binding(8) var<storage, read_write> scales: array<f32>; // [rows]
@group(0) @binding(9) var<uniform> dims: Dims;

// elements 4 i to 4 i + 3 of a word's row; padding is 0
fn word(id: u32, i: u32) -> vec4<f32> {
  if (dims.wordInt8 != 0u) {
    let q = vec4<f32>(unpack4xU8(words[id * (dims.width / 16u) + i / 4u][i % 4u]));
    let scaleOffset = wordScales[id];
    return select(vec4<f32>(), q * scaleOffset.x + scaleOffset.y, vec4(0u, 1u, 2u, 3u) + i * 4u < vec4(dims.C));
  }
  return bitcast<vec4<f32>>(words[id * (dims.width / 4u) + i]);
}

// include lib/quantize.wgsl

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = id.x;
  if (row >= shape.x) {
    return;
  }
  let base = row * (dims.width / 4u);
  var sums = vec4<f32>();
  let token = tokens[row];
  for (var i = 0u; i < MOST; i++) {
    if (i >= dims.width / 4u) {
      break;
    }
    let x = word(token.x, i) + positions[token.z * (dims.width / 4u) + i] + positions[(dims.positions + token.y) * (dims.width / 4u) + i];
    output[base + i] = x;
    sums += x;
  }
  let mean = (sums.x + sums.y + sums.z + sums.w) / f32(dims.C);
  var squares = vec4<f32>();
  for (var i = 0u; i < MOST; i++) {
    if (i >= dims.width / 4u) {
      break;
    }
    let d = select(vec4<f32>(), output[base + i] - mean, vec4(0u, 1u, 2u, 3u) + i * 4u < vec4(dims.C));
    squares += d * d;
  }
  let deviation = sqrt((squares.x + squares.y + squares.z + squares.w) / f32(dims.C) + dims.epsilon);
  var amax = 0.0;
  for (var i = 0u; i < MOST; i++) {
    if (i >= dims.width / 4u) {
      break;
    }
    let y = (output[base + i] - mean) / deviation * gammaBeta[i] + gammaBeta[dims.width / 4u + i];
    output[base + i] = y;
    amax = max(amax, largestOf(y));
  }
  if (dims.quantize != 0u) {
    let inverse = select(inverseScale(amax), dims.fixedInverse, dims.fixedScale > 0.0);
    for (var i = 0u; i < MOST; i++) {
      if (i >= dims.width / 4u) {
        break;
      }
      quantized[base + i] = pack(output[base + i], inverse);
    }
    scales[row] = scaleOf(amax, dims.fixedScale);
  }
}
