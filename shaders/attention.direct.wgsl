// attention, variant direct.   per sequence and head: y[T,D] = softmax(Q[T,D] K[T,D]^T scale + bias) V[T,D], f32
// Contract   kernels/attention/contract.ts      WebAssembly  assembly/attention.ts
// Layout     rows of Q, K, V, y [M, width], head h at h D; a tile is up to 4 queries of one sequence
// Plan       4 queries of a head per thread, 4 keys at a time: 4 x 4 scores in registers, y accumulated in place
// Needs      D % 4 == 0; no workgroup memory
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

fn biasesOf(head: u32, queries: vec4<u32>, key: u32) -> vec4<f32> {
  return vec4(
    biasOf(head, queries.x, key),
    biasOf(head, queries.y, key),
    biasOf(head, queries.z, key),
    biasOf(head, queries.w, key),
  );
}

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= shape.w) {
    return;
  }
  let tile = tiles[id.x];
  let head = id.y * (dims.D / 4u);
  // a tile of fewer queries computes its last one again: the same numbers to the same place
  let lastQuery = tile.x + tile.y - 1u;
  let q0 = tile.x * (dims.width / 4u) + head;
  let q1 = min(tile.x + 1u, lastQuery) * (dims.width / 4u) + head;
  let q2 = min(tile.x + 2u, lastQuery) * (dims.width / 4u) + head;
  let q3 = min(tile.x + 3u, lastQuery) * (dims.width / 4u) + head;
  let lastKey = tile.z + tile.w - 1u;
  var largest = vec4(-3.0e38);
  var sum = vec4<f32>();
  for (var t = 0u; t < MOST; t++) {
    if (t * 4u >= tile.w) {
      break;
    }
    let first = tile.z + t * 4u;
    let k0 = first * (dims.width / 4u) + head;
    let k1 = min(first + 1u, lastKey) * (dims.width / 4u) + head;
    let k2 = min(first + 2u, lastKey) * (dims.width / 4u) + head;
    let k3 = min(first + 3u, lastKey) * (dims.width / 4u) + head;
    // s0 .. s3: scores of each key for the 4 queries
    var s0 = vec4<f32>();
    var s1 = vec4<f32>();
    var s2 = vec4<f32>();
    var s3 = vec4<f32>();
    for (var d = 0u; d < MOST; d++) {
      if (d >= dims.D / 4u) {
        break;
      }
      let a = query[q0 + d];
      let b = query[q1 + d];
      let c = query[q2 + d];
      let e = query[q3 + d];
      let x0 = key[k0 + d];
      let x1 = key[k1 + d];
      let x2 = key[k2 + d];
      let x3 = key[k3 + d];
      s0 += vec4(dot(a, x0), dot(b, x0), dot(c, x0), dot(e, x0));
      s1 += vec4(dot(a, x1), dot(b, x1), dot(c, x1), dot(e, x1));
      s2 += vec4(dot(a, x2), dot(b, x2), dot(c, x2), dot(e, x2));
      s3 += vec4(dot(a, x3), dot(b, x3), dot(c, x3), dot(e, x3));
    }
    s0 *= dims.scale;
    s1 = select(vec4(-3.0e38), s1 * dims.scale, first + 1u <= lastKey);
    s2 = select(vec4(-3.0e38), s2 * dims.scale, first + 2u <= lastKey);
    s3 = select(vec4(-3.0e38), s3 * dims.scale, first + 3u <= lastKey);
    if (POSITIONS > 0u) {
      let queries = min(tile.x + vec4(0u, 1u, 2u, 3u), vec4(lastQuery));
      s0 += biasesOf(id.y, queries, first);
      s1 += biasesOf(id.y, queries, min(first + 1u, lastKey));
      s2 += biasesOf(id.y, queries, min(first + 2u, lastKey));
      s3 += biasesOf(id.y, queries, min(first + 3u, lastKey));
    }
    let next = max(max(largest, s0), max(max(s1, s2), s3));
    let rescale = exp(largest - next);
    largest = next;
    s0 = exp(s0 - next);
    s1 = exp(s1 - next);
    s2 = exp(s2 - next);
    s3 = exp(s3 - next);
    sum = sum * rescale + s0 + s1 + s2 + s3;
    for (var d = 0u; d < MOST; d++) {
      if (d >= dims.D / 4u) {
        break;
      }
      let v0 = value[k0 + d];
      let v1 = value[k1 + d];
      let v2 = value[k2 + d];
      let v3 = value[k3 + d];
      var y0 = s0.x * v0 + s1.x * v1 + s2.x * v2 + s3.x * v3;
      var y1 = s0.y * v0 + s1.y * v1 + s2.y * v2 + s3.y * v3;
      var y2 = s0.z * v0 + s1.z * v1 + s2.z * v2 + s3.z * v3;
      var y3 = s0.w * v0 + s1.w * v1 + s2.w * v2 + s3.w * v3;
      if (t > 0u) {
        y0 += output[q0 + d] * rescale.x;
        y1 += output[q1 + d] * rescale.y;
        y2 += output[q2 + d] * rescale.z;
        y3 += output[q3 + d] * rescale.w;
      }
      output[q0 + d] = y0;
      output[q1 + d] = y1;
      output[q2 + d] = y2;
      output[q3 + d] = y3;
    }
  }
  for (var d = 0u; d < MOST; d++) {
    if (d >= dims.D / 4u) {
      break;
    }
    let y0 = output[q0 + d] / sum.x;
    let y1 = output[q1 + d] / sum.y;
    let y2 = output[q2 + d] / sum.z;
    let y3 = output[q3 + d] / sum.w;
    output[q0 + d] = y0;
    output[q1 + d] = y1;
    output[q2 + d] = y2;
    output[q3 + d] = y3;
  }
  // the padding after the last head
  if (id.y == 0u) {
    for (var i = 0u; i < MOST; i++) {
      let d = dims.heads * (dims.D / 4u) + i;
      if (d >= dims.width / 4u) {
        break;
      }
      output[q0 - head + d] = vec4<f32>();
      output[q1 - head + d] = vec4<f32>();
      output[q2 - head + d] = vec4<f32>();
      output[q3 - head + d] = vec4<f32>();
    }
  }
}
