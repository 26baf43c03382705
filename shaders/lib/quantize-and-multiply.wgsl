// Statements: 16 rows are quantized 256 inputs at a time, each once, and multiplied, once `partial` holds the largest |x| that
// each of the 16 threads of a row saw. Needs inputOf(own, k), elements 4 k to 4 k + 3 of this thread's row.
// include lib/slice-place.wgsl
// the scale of the row that this thread stores at the end
let scale = scaleOf(largestOfRow(lane / (COLUMNS / 4u) * 4u + slice), dims.fixedScale);
let inverse = select(inverseScale(largestOfRow(index / 16u)), dims.fixedInverse, dims.fixedScale > 0.0);
let panel = (column / 64u) * (dims.K * 4u) + (column % 64u) / 4u;
let units = dims.K / 16u;
var sum0 = vec4<i32>();
var sum1 = vec4<i32>();
var sum2 = vec4<i32>();
var sum3 = vec4<i32>();
// the array held something else before
workgroupBarrier();
for (var chunk = 0u; chunk < MOST; chunk++) {
  let first = chunk * 16u;
  if (first >= units) {
    break;
  }
  // weights are on their way while inputs are rounded; past the end they meet zeros
  let at = panel + min(first + slice, units - 1u) * 64u;
  // include lib/load-weights.wgsl
  let next = panel + min(first + 8u + slice, units - 1u) * 64u;
  var next0 = vec4<u32>();
  var next1 = vec4<u32>();
  var next2 = vec4<u32>();
  var next3 = vec4<u32>();
  if (COLUMNS > 16u) {
    next0 = weight[next];
    next1 = weight[next + 16u];
    next2 = weight[next + 32u];
    next3 = weight[next + 48u];
  }
  let k = first + index % 16u;
  var bytes = vec4<u32>();
  if (k < units) {
    bytes = vec4<u32>(
      pack(inputOf(own, k * 4u), inverse),
      pack(inputOf(own, k * 4u + 1u), inverse),
      pack(inputOf(own, k * 4u + 2u), inverse),
      pack(inputOf(own, k * 4u + 3u), inverse),
    );
  }
  // two chunks take turns, so that one barrier is enough
  let staged = chunk % 2u * 272u;
  partial[staged + index / 16u * 17u + index % 16u] = bitcast<vec4<i32>>(bytes);
  workgroupBarrier();
  let row0 = staged + lane / (COLUMNS / 4u) * 68u + slice;
  {
    let a = bitcast<vec4<u32>>(partial[row0]);
    let b = bitcast<vec4<u32>>(partial[row0 + 17u]);
    let c = bitcast<vec4<u32>>(partial[row0 + 34u]);
    let d = bitcast<vec4<u32>>(partial[row0 + 51u]);
    // include lib/add-dots.wgsl
  }
  if (COLUMNS > 16u) {
    let w0 = next0;
    let w1 = next1;
    let w2 = next2;
    let w3 = next3;
    let a = bitcast<vec4<u32>>(partial[row0 + 8u]);
    let b = bitcast<vec4<u32>>(partial[row0 + 25u]);
    let c = bitcast<vec4<u32>>(partial[row0 + 42u]);
    let d = bitcast<vec4<u32>>(partial[row0 + 59u]);
    // include lib/add-dots.wgsl
  }
}
workgroupBarrier();
// include lib/add-slices.wgsl
store(row + slice, column, sum, scale);
