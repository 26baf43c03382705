// attention, variant naive.   per sequence and head: y[T,D] = softmax(Q[T,D] K[T,D]^T scale + bias) V[T,D], f32
// Contract   kernels/attention/contract.ts      WebAssembly  assembly/attention.ts
// Layout     rows of Q, K, V, y [M, width], head h at h D; a tile is up to 4 queries of one sequence
// Plan       one tile and head per thread, element by element; running maximum and sum, y accumulated in place
// Needs      nothing; any head size
// Source     own; online softmax of Milakov and Gimelshein

// P of the distance bias, 0 for none: what concerns it is then left out
override POSITIONS: u32 = 0u;

struct Dims {
  width: u32, // elements per row with padding, a multiple of 16
  heads: u32,
  scale: f32, // 1 / sqrt(D)
  D: u32, // head size
}

// include lib/most.wgsl

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> tiles: array<vec4<u32>>; // [shape.w]: first query, queries, first key, keys
@group(0) @binding(2) var<storage, read> query: array<f32>; // [M, width]
@group(0) @binding(3) var<storage, read> key: array<f32>; // [M, width]
@group(0) @binding(4) var<storage, read> value: array<f32>; // [M, width]
@group(0) @binding(5) var<storage, read_write> output: array<f32>; // [M, width]
@group(0) @binding(6) var<uniform> dims: Dims;
@group(0) @binding(7) var<storage, read> distanceBias: array<f32>; // [H, 2 P - 1]; with POSITIONS 0 any buffer

// what is added to the score of a query with a key, both as rows of M
fn biasOf(head: u32, query: u32, key: u32) -> f32 {
  return distanceBias[(head * 2u + 1u) * POSITIONS + key - head - query - 1u];
}

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= shape.w) {
    return;
  }
  let tile = tiles[id.x];
  let head = id.y * dims.D;
  for (var i = 0u; i < 4u; i++) {
    if (i >= tile.y) {
      break;
    }
    let row = (tile.x + i) * dims.width;
    var largest = -3.0e38;
    var sum = 0.0;
    for (var d = 0u; d < MOST; d++) {
      if (d >= dims.D) {
        break;
      }
      output[row + head + d] = 0.0;
    }
    for (var t = 0u; t < MOST; t++) {
      if (t >= tile.w) {
        break;
      }
      let keyRow = (tile.z + t) * dims.width + head;
      var score = 0.0;
      for (var d = 0u; d < MOST; d++) {
        if (d >= dims.D) {
          break;
        }
        score += query[row + head + d] * key[keyRow + d];
      }
      score *= dims.scale;
      if (POSITIONS > 0u) {
        score += biasOf(id.y, tile.x + i, tile.z + t);
      }
      let next = max(largest, score);
      let rescale = exp(largest - next);
      let p = exp(score - next);
      largest = next;
      sum = sum * rescale + p;
      for (var d = 0u; d < MOST; d++) {
        if (d >= dims.D) {
          break;
        }
        output[row + head + d] = output[row + head + d] * rescale + p * value[keyRow + d];
      }
    }
    for (var d = 0u; d < MOST; d++) {
      if (d >= dims.D) {
        break;
      }
      output[row + head + d] /= sum;
    }
    if (id.y == 0u) {
      for (var i = 0u; i < MOST; i++) {
        let d = dims.heads * dims.D + i;
        if (d >= dims.width) {
          break;
        }
        output[row + d] = 0.0;
      }
    }
  }
}
