// attention, variant tiled.   per sequence and head: y[T,D] = softmax(Q[T,D] K[T,D]^T scale + bias) V[T,D], f32
// Contract   kernels/attention/contract.ts      WebAssembly  assembly/attention.ts
// Layout     rows of Q, K, V, y [M, width], head h at h D; a tile is up to QUERIES queries of one sequence
// Plan       QUERIES queries of a head per workgroup of 128 threads; KEYS keys at a time, their K and then their V staged in one tile:
//            scores     4 queries x 4 keys per thread, of every PARTS-th 4 dimensions; the parts are added through the same tile
//            softmax    1 query x 4 keys per thread
//            values     4 queries x 4 dimensions per thread, of every SPLITS-th 4 keys; the splits are added at the end
//            keys of a thread are KEYS / 4 apart, and rows of the tile 1 or 2 vec4 longer than they need: no bank serves two of 8 threads
// Needs      D % 4 == 0, D <= 4 LANES; LANES 8 or 16 (QUERIES 16, KEYS 32) or 32 (8, 16); 15.8 KiB of workgroup memory
// Source     own; online softmax of Milakov and Gimelshein, tiling of FlashAttention

override D: u32 = 16u; // head size
override LANES: u32 = 8u; // D / 4, or the next power of two, at least 8
override QUERIES: u32 = 16u; // per workgroup
override KEYS: u32 = 32u; // per step
override POSITIONS: u32 = 0u; // P of the distance bias, 0 for none: what concerns it is then left out

// scores are powers of 2, which machines compute
const LOG2E = 1.442695;

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

var<workgroup> queryTile: array<vec4<f32>, 256>; // [QUERIES][LANES]
var<workgroup> keyTile: array<vec4<f32>, 544>; // [KEYS][LANES + 1 or 2]: K, then V; parts of scores [PARTS][QUERIES][KEYS / 4]; at the end [SPLITS][QUERIES][LANES]
var<workgroup> weights: array<vec4<f32>, 144>; // [QUERIES][KEYS / 4, 1 unused] 2^(score - largest)
var<workgroup> found: array<f32, 128>; // [QUERIES][KEYS / 4] largest score of each thread, at the end sum of its weights
var<workgroup> rescales: array<f32, 16>; // [QUERIES] of the sums so far

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let tile = tiles[group.x];
  let head = group.y * (D / 4u);
  let width = dims.width / 4u;
  let lastQuery = tile.x + tile.y - 1u;
  let lastKey = tile.z + tile.w - 1u;
  let quads = KEYS / 4u; // groups of 4 keys
  let rowLength = LANES + 32u / KEYS;
  // copies to the tile: 4 dimensions of the rows staged, staged + 128 / LANES, ...
  let lane = index % LANES;
  let staged = index / LANES;
  let isInside = D == 4u * LANES || lane < D / 4u;
  // scores: 4 queries from 4 (index / 32), keys quad, quad + quads, ...; a part takes the dimensions 4 (i parts + part)
  let parts = 2048u / (QUERIES * KEYS);
  let quad = index % quads;
  let part = index / quads % parts;
  let scoreRow = index / (quads * parts) * 4u;
  // softmax: the query and its quad of the threads that have one
  let own = index / quads;
  let isSoftmax = QUERIES * KEYS == 512u || index < QUERIES * quads;
  // values: 4 dimensions, 4 queries, the quads split, split + splits, ...
  let splits = 512u / (QUERIES * LANES);
  let valueRow = index / LANES % (QUERIES / 4u) * 4u;
  let split = index / (LANES * (QUERIES / 4u));
  // where all of these begin: not every compiler takes it out of the loop
  let firstKey = (tile.z + staged) * width + head + lane;
  let lastKeyAt = lastKey * width + head + lane;
  let stagedAt = staged * rowLength + lane;
  let keyAt = quad * rowLength + part;
  let queryAt = scoreRow * LANES + part;
  let partAt = (part * QUERIES + scoreRow) * quads + quad;
  let ownAt = own * (quads + 1u) + quad;
  let valueAt = split * rowLength + lane;
  let weightAt = valueRow * (quads + 1u) + split;
  for (var i = 0u; i < QUERIES * LANES / 128u; i++) {
    let row = min(tile.x + staged + i * (128u / LANES), lastQuery);
    queryTile[i * 128u + index] = select(vec4<f32>(), query[row * width + head + lane] * (dims.scale * LOG2E), isInside);
  }
  var largest = -3.0e38;
  var sum = 0.0;
  var y0 = vec4<f32>();
  var y1 = vec4<f32>();
  var y2 = vec4<f32>();
  var y3 = vec4<f32>();
  for (var block = 0u; block < MOST; block++) {
    let first = block * KEYS;
    // uniform: a workgroup has one tile
    if (first >= tile.w) {
      break;
    }
    workgroupBarrier();
    for (var i = 0u; i < KEYS * LANES / 128u; i++) {
      let at = min(firstKey + (first + i * (128u / LANES)) * width, lastKeyAt);
      keyTile[stagedAt + i * (128u / LANES) * rowLength] = select(vec4<f32>(), key[at], isInside);
    }
    workgroupBarrier();
    var s0 = vec4<f32>();
    var s1 = vec4<f32>();
    var s2 = vec4<f32>();
    var s3 = vec4<f32>();
    for (var i = 0u; i < LANES * QUERIES * KEYS / 2048u; i++) {
      let k0 = keyTile[keyAt + i * parts];
      let k1 = keyTile[keyAt + quads * rowLength + i * parts];
      let k2 = keyTile[keyAt + 2u * quads * rowLength + i * parts];
      let k3 = keyTile[keyAt + 3u * quads * rowLength + i * parts];
      let a = queryTile[queryAt + i * parts];
      s0 += a.x * vec4(k0.x, k1.x, k2.x, k3.x);
      s0 += a.y * vec4(k0.y, k1.y, k2.y, k3.y);
      s0 += a.z * vec4(k0.z, k1.z, k2.z, k3.z);
      s0 += a.w * vec4(k0.w, k1.w, k2.w, k3.w);
      let b = queryTile[queryAt + LANES + i * parts];
      s1 += b.x * vec4(k0.x, k1.x, k2.x, k3.x);
      s1 += b.y * vec4(k0.y, k1.y, k2.y, k3.y);
      s1 += b.z * vec4(k0.z, k1.z, k2.z, k3.z);
      s1 += b.w * vec4(k0.w, k1.w, k2.w, k3.w);
      let c = queryTile[queryAt + 2u * LANES + i * parts];
      s2 += c.x * vec4(k0.x, k1.x, k2.x, k3.x);
      s2 += c.y * vec4(k0.y, k1.y, k2.y, k3.y);
      s2 += c.z * vec4(k0.z, k1.z, k2.z, k3.z);
      s2 += c.w * vec4(k0.w, k1.w, k2.w, k3.w);
      let e = queryTile[queryAt + 3u * LANES + i * parts];
      s3 += e.x * vec4(k0.x, k1.x, k2.x, k3.x);
      s3 += e.y * vec4(k0.y, k1.y, k2.y, k3.y);
      s3 += e.z * vec4(k0.z, k1.z, k2.z, k3.z);
      s3 += e.w * vec4(k0.w, k1.w, k2.w, k3.w);
    }
    workgroupBarrier();
    keyTile[partAt] = s0;
    keyTile[partAt + quads] = s1;
    keyTile[partAt + 2u * quads] = s2;
    keyTile[partAt + 3u * quads] = s3;
    workgroupBarrier();
    var scores = vec4(-3.0e38);
    if (isSoftmax) {
      var score = vec4<f32>();
      for (var i = 0u; i < 2048u / (QUERIES * KEYS); i++) {
        score += keyTile[i * (QUERIES * quads) + index];
      }
      let keys = quad + vec4(0u, 1u, 2u, 3u) * quads;
      if (POSITIONS > 0u) {
        let q = min(tile.x + own, lastQuery);
        let k = min(tile.z + first + keys, vec4(lastKey));
        score += LOG2E * vec4(biasOf(group.y, q, k.x), biasOf(group.y, q, k.y), biasOf(group.y, q, k.z), biasOf(group.y, q, k.w));
      }
      scores = select(scores, score, keys < vec4(tile.w - first));
      found[index] = max(max(scores.x, scores.y), max(scores.z, scores.w));
    }
    // the parts are read: V takes their place
    workgroupBarrier();
    for (var i = 0u; i < KEYS * LANES / 128u; i++) {
      let at = min(firstKey + (first + i * (128u / LANES)) * width, lastKeyAt);
      keyTile[stagedAt + i * (128u / LANES) * rowLength] = select(vec4<f32>(), value[at], isInside);
    }
    if (isSoftmax) {
      var next = largest;
      for (var i = 0u; i < KEYS / 4u; i++) {
        next = max(next, found[own * quads + i]);
      }
      let rescale = exp2(largest - next);
      largest = next;
      let p = exp2(scores - next);
      sum = sum * rescale + ((p.x + p.y) + (p.z + p.w));
      weights[ownAt] = p;
      rescales[own] = rescale;
    }
    workgroupBarrier();
    y0 *= rescales[valueRow];
    y1 *= rescales[valueRow + 1u];
    y2 *= rescales[valueRow + 2u];
    y3 *= rescales[valueRow + 3u];
    for (var i = 0u; i < LANES * QUERIES * KEYS / 2048u; i++) {
      let v0 = keyTile[valueAt + i * splits * rowLength];
      let v1 = keyTile[valueAt + (quads + i * splits) * rowLength];
      let v2 = keyTile[valueAt + (2u * quads + i * splits) * rowLength];
      let v3 = keyTile[valueAt + (3u * quads + i * splits) * rowLength];
      let a = weights[weightAt + i * splits];
      y0 += a.x * v0;
      y0 += a.y * v1;
      y0 += a.z * v2;
      y0 += a.w * v3;
      let b = weights[weightAt + (quads + 1u) + i * splits];
      y1 += b.x * v0;
      y1 += b.y * v1;
      y1 += b.z * v2;
      y1 += b.w * v3;
      let c = weights[weightAt + 2u * (quads + 1u) + i * splits];
      y2 += c.x * v0;
      y2 += c.y * v1;
      y2 += c.z * v2;
      y2 += c.w * v3;
      let e = weights[weightAt + 3u * (quads + 1u) + i * splits];
      y3 += e.x * v0;
      y3 += e.y * v1;
      y3 += e.z * v2;
      y3 += e.w * v3;
    }
  }
  workgroupBarrier();
  let end = (split * QUERIES + valueRow) * LANES + lane;
  keyTile[end] = y0;
  keyTile[end + LANES] = y1;
  keyTile[end + 2u * LANES] = y2;
  keyTile[end + 3u * LANES] = y3;
  if (isSoftmax) {
    found[index] = sum;
  }
  workgroupBarrier();
  for (var i = 0u; i < QUERIES * LANES / 128u; i++) {
    let slot = i * 128u + index;
    let q = slot / LANES;
    let d = slot % LANES;
    var y = keyTile[slot];
    for (var t = 1u; t < 512u / (QUERIES * LANES); t++) {
      y += keyTile[t * (QUERIES * LANES) + slot];
    }
    var total = 0.0;
    for (var t = 0u; t < KEYS / 4u; t++) {
      total += found[q * quads + t];
    }
    if (q < tile.y && d < D / 4u) {
      output[(tile.x + q) * width + head + d] = y / total;
    }
  }
  // the padding after the last head
  if (group.y == 0u && index < tile.y) {
    for (var i = 0u; i < MOST; i++) {
      let d = dims.heads * (D / 4u) + i;
      if (d >= width) {
        break;
      }
      output[(tile.x + index) * width + d] = vec4<f32>();
    }
  }
}
