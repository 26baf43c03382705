// The bias that attention adds by distance: from its learned table to a row for each head, and the table's gradient.
// Layout     table f32 [buckets, H]; rowOf i32 [2 * positions - 1]: the table's row by key - query + positions - 1. Rows of a bias
//            lie `stride` apart, element key - query + longest - 1
// Plan       a thread owns whole heads; sums go over sequences, then distances, in f64: no result depends on the number of threads
// Source     own derivation

import { DistanceBiasRecord, DistanceGradientRecord } from '../abi'
import { sliceBegin } from '../tape'

/** bias[h][d] = table[rowOf[d]][h] */
export function distanceBias(record: usize, thread: i32, threads: i32): void {
  const args = changetype<DistanceBiasRecord>(record)
  const H = args.H, longest = args.longest
  const rowOf = args.rowOf + (<usize>(args.positions - longest) << 2)
  const last = sliceBegin(H, thread + 1, threads)
  for (let h = sliceBegin(H, thread, threads); h < last; h++) {
    const bias = args.bias + (<usize>(h * args.stride) << 2)
    for (let d = 0; d < 2 * longest - 1; d++) {
      const row = load<i32>(rowOf + (<usize>d << 2))
      store<f32>(bias + (<usize>d << 2), load<f32>(args.table + (<usize>(row * H + h) << 2)))
    }
  }
}

/** dTable[row][h] = sum of dbias[b][h][d] over the sequences b and the distances d of that row */
export function distanceGradient(record: usize, thread: i32, threads: i32): void {
  const args = changetype<DistanceGradientRecord>(record)
  const B = args.B, H = args.H, longest = args.longest
  const rowOf = args.rowOf + (<usize>(args.positions - longest) << 2)
  const headBytes = <usize>args.stride << 2
  const last = sliceBegin(H, thread + 1, threads)
  for (let h = sliceBegin(H, thread, threads); h < last; h++) {
    for (let row = 0; row < args.buckets; row++) {
      let sum: f64 = 0.0
      for (let d = 0; d < 2 * longest - 1; d++) {
        if (load<i32>(rowOf + (<usize>d << 2)) != row) continue
        const at = args.dbias + <usize>h * headBytes + (<usize>d << 2)
        for (let b = 0; b < B; b++) sum += <f64>load<f32>(at + <usize>(b * H) * headBytes)
      }
      store<f32>(args.dTable + (<usize>(row * H + h) << 2), <f32>sum)
    }
  }
}
