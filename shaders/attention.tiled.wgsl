// attention, variant tiled.   per sequence and head: y[T,D] = softmax(Q[T,D] K[T,D]^T scale + bias) V[T,D], f32
// Contract   kernels/attention/contract.ts      WebAssembly  assembly/attention.ts
// Layout     rows of Q, K, V, y [M, width], head h at h D; a tile is up to 16 queries of one sequence
// Plan       16 queries of a head per workgroup of 128; KEYS keys at a time, their K and then their V staged in one tile; 8 threads share a query
// Needs      D % 4 == 0, D <= 128; 14.5 KiB of workgroup memory at D = 64, KEYS = 32
// Source     own; online softmax of Milakov and Gimelshein, tiling of FlashAttention

override D: u32 = 16u; // head size
override KEYS: u32 = 32u; // keys per step, a multiple of 8
override POSITIONS: u32 = 0u; // P of the distance bias, 0 for none: what concerns it is then left out

struct Dims {
  width: u32, // elements per row with padding, a multiple of 16
  heads: u32,
  scale: f32, // 1 / sqrt(D)
}

// include lib/most.wgsl

@group(0) @binding(1) var<storage, read> tiles: array<vec4<u32>>; // [workgroups in x]: first query, queries, first key, keys
@group(0) @binding(2) var<storage, read> query: array<vec4<f32>>; // [M, width / 4]
@group(0) @binding(3) var<storage, read> key: array<vec4<f32>>; // [M, width / 4]
@group(0) @binding(4) var<storage, read> value: array<vec4<f32>>; // [M, width / 4]
@group(0) @binding(5) var<storage, read_write> output: array<vec4<f32>>; // [M, width / 4]
@group(0) @binding(6) var<uniform> dims: Dims;
@group(0) @binding(7) var<storage, read> distanceBias: array<f32>; // [H, 2 P - 1]; with POSITIONS 0 any buffer

// what is added to the score of a query with a key, both as rows of M
fn biasOf(head: u32, query: u32, key: u32) -> f32 {
  return distanceBias[(head * 2u + 1u) * POSITIONS + key - head - query - 1u];
}

var<workgroup> queryTile: array<vec4<f32>, 4u * D>; // [16][D / 4]
var<workgroup> keyTile: array<vec4<f32>, KEYS * (D / 4u)>; // [KEYS][D / 4]: K, then V
var<workgroup> weights: array<f32, 16u * KEYS>; // [16][KEYS] exp(score - largest)
var<workgroup> maxima: array<f32, 128>; // [16][8] largest score of each thread

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let tile = tiles[group.x];
  let head = group.y * (D / 4u);
  let lastQuery = tile.x + tile.y - 1u;
  let lastKey = tile.z + tile.w - 1u;
  let q = index / 8u;
  let part = index % 8u;
  for (var i = 0u; i < (D * 4u + 127u) / 128u; i++) {
    let slot = i * 128u + index;
    if (slot < D * 4u) {
      let row = min(tile.x + slot / (D / 4u), lastQuery);
      queryTile[slot] = query[row * (dims.width / 4u) + head + slot % (D / 4u)] * dims.scale;
    }
  }
  var largest = -3.0e38;
  var sum = 0.0;
  // columns part, part + 8, ... of this query's y; D <= 128 leaves at most 4
  var y = array<vec4<f32>, 4>(vec4<f32>(), vec4<f32>(), vec4<f32>(), vec4<f32>());
  for (var block = 0u; block < MOST; block++) {
    let first = block * KEYS;
    // uniform: a workgroup has one tile
    if (first >= tile.w) {
      break;
    }
    workgroupBarrier();
    for (var i = 0u; i < (KEYS * (D / 4u) + 127u) / 128u; i++) {
      let slot = i * 128u + index;
      if (slot < KEYS * (D / 4u)) {
        let row = min(tile.z + first + slot / (D / 4u), lastKey);
        keyTile[slot] = key[row * (dims.width / 4u) + head + slot % (D / 4u)];
      }
    }
    workgroupBarrier();
    // this thread's scores: keys part, part + 8, ... ; KEYS <= 32 leaves at most 4
    var scores = vec4(-3.0e38);
    for (var j = 0u; j < KEYS / 8u; j++) {
      let k = j * 8u + part;
      var score = 0.0;
      for (var d = 0u; d < D / 4u; d++) {
        score += dot(queryTile[q * (D / 4u) + d], keyTile[k * (D / 4u) + d]);
      }
      if (first + k < tile.w) {
        if (POSITIONS > 0u) {
          score += biasOf(group.y, min(tile.x + q, lastQuery), tile.z + first + k);
        }
        scores[j] = score;
      }
    }
    maxima[index] = max(max(scores.x, scores.y), max(scores.z, scores.w));
    workgroupBarrier();
    var next = largest;
    for (var i = 0u; i < 8u; i++) {
      next = max(next, maxima[q * 8u + i]);
    }
    let rescale = exp(largest - next);
    largest = next;
    for (var j = 0u; j < KEYS / 8u; j++) {
      weights[q * KEYS + j * 8u + part] = exp(scores[j] - next);
    }
    // every thread is done with K, since all have passed the barrier above
    for (var i = 0u; i < (KEYS * (D / 4u) + 127u) / 128u; i++) {
      let slot = i * 128u + index;
      if (slot < KEYS * (D / 4u)) {
        let row = min(tile.z + first + slot / (D / 4u), lastKey);
        keyTile[slot] = value[row * (dims.width / 4u) + head + slot % (D / 4u)];
      }
    }
    workgroupBarrier();
    sum *= rescale;
    for (var i = 0u; i < 4u; i++) {
      y[i] *= rescale;
    }
    for (var k = 0u; k < KEYS; k++) {
      let p = weights[q * KEYS + k];
      sum += p;
      for (var i = 0u; i < (D / 4u + 7u) / 8u; i++) {
        let d = i * 8u + part;
        if (d < D / 4u) {
          y[i] += p * keyTile[k * (D / 4u) + d];
        }
      }
    }
  }
  if (q < tile.y) {
    let row = (tile.x + q) * (dims.width / 4u);
    for (var i = 0u; i < (D / 4u + 7u) / 8u; i++) {
      let d = i * 8u + part;
      if (d < D / 4u) {
        output[row + head + d] = y[i] / sum;
      }
    }
    // the padding after the last head
    if (group.y == 0u && part == 0u) {
      for (var i = 0u; i < MOST; i++) {
        let d = dims.heads * (D / 4u) + i;
        if (d >= dims.width / 4u) {
          break;
        }
        output[row + d] = vec4<f32>();
      }
    }
  }
}
