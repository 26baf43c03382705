// attention, variant naive.   per sequence and head: y[T,D] = softmax(Q[T,D] K[T,D]^T SCALE) V[T,D], f32
// Contract   kernels/attention/contract.ts      Twin  assembly/attention.ts
// Layout     rows of Q, K, V, y [M, WIDTH], head h at h D; a tile is up to 4 queries of one sequence
// Plan       one tile and head per thread, element by element; running maximum and sum, y accumulated in place
// Needs      nothing; any head size
// Source     own; online softmax of Milakov and Gimelshein

override D: u32 = 16u; // head size
override HEADS: u32 = 1u;
override WIDTH: u32 = 16u; // HEADS * D with padding, a multiple of 16
override SCALE: f32 = 1.0; // 1 / sqrt(D)
override BLOCKS: u32 = 262144u; // more key blocks than any sequence has: loops need a constant bound

@group(0) @binding(0) var<uniform> shape: vec4<u32>; // rows, M, B, attention tiles
@group(0) @binding(1) var<storage, read> tiles: array<vec4<u32>>; // [shape.w]: first query, queries, first key, keys
@group(0) @binding(2) var<storage, read> query: array<f32>; // [M, WIDTH]
@group(0) @binding(3) var<storage, read> key: array<f32>; // [M, WIDTH]
@group(0) @binding(4) var<storage, read> value: array<f32>; // [M, WIDTH]
@group(0) @binding(5) var<storage, read_write> output: array<f32>; // [M, WIDTH]

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= shape.w) {
    return;
  }
  let tile = tiles[id.x];
  let head = id.y * D;
  for (var i = 0u; i < 4u; i++) {
    if (i >= tile.y) {
      break;
    }
    let row = (tile.x + i) * WIDTH;
    var largest = -3.0e38;
    var sum = 0.0;
    for (var d = 0u; d < D; d++) {
      output[row + head + d] = 0.0;
    }
    for (var t = 0u; t < BLOCKS; t++) {
      if (t >= tile.w) {
        break;
      }
      let keyRow = (tile.z + t) * WIDTH + head;
      var score = 0.0;
      for (var d = 0u; d < D; d++) {
        score += query[row + head + d] * key[keyRow + d];
      }
      score *= SCALE;
      let next = max(largest, score);
      let rescale = exp(largest - next);
      let p = exp(score - next);
      largest = next;
      sum = sum * rescale + p;
      for (var d = 0u; d < D; d++) {
        output[row + head + d] = output[row + head + d] * rescale + p * value[keyRow + d];
      }
    }
    for (var d = 0u; d < D; d++) {
      output[row + head + d] /= sum;
    }
    if (id.y == 0u) {
      for (var d = HEADS * D; d < WIDTH; d++) {
        output[row + d] = 0.0;
      }
    }
  }
}
