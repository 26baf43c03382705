// attention, variants panels and i16: per sequence and head, softmax(Q K^T / sqrt(D) + bias) V over ragged sequences;
// q, k, v, y f32 [M, H * D].
// Contract   kernels/attention/contract.ts      GPU  shaders/attention.*.wgsl
// Layout     scratch per thread: kernels/attention/pack.ts
// Plan       a thread owns a range of (sequence, head) units of about equal T^2: lib/attend.ts, or lib/attend-i16.ts
// Needs      T and D as they come (i16: T >= 16, D % 8 == 0)
// Source     own derivation

import { AttentionRecord } from './abi'
import { attendUnit } from './lib/attend'
import { attendUnitI16 } from './lib/attend-i16'

export function attention(record: usize, thread: i32, threads: i32, scratch: usize): void {
  const args = changetype<AttentionRecord>(record)
  const B = args.B, H = args.H, D = args.D, longest = args.longest
  const offsets = args.offsets
  const isFirstOnly = args.isFirstOnly != 0
  const leastI16 = isFirstOnly ? 0 : args.leastI16
  let total: i64 = 0
  for (let b = 0; b < B; b++) {
    const T = <i64>(load<i32>(offsets + (<usize>b << 2), 4) - load<i32>(offsets + (<usize>b << 2)))
    total += T * (isFirstOnly ? 1 : T) * H
  }
  // a unit belongs to the thread in whose share of the work it begins
  const begin = (total * thread) / threads, end = (total * (thread + 1)) / threads
  let at: i64 = 0
  for (let b = 0; b < B; b++) {
    const first = load<i32>(offsets + (<usize>b << 2))
    const T = load<i32>(offsets + (<usize>b << 2), 4) - first
    for (let h = 0; h < H; h++) {
      if (at >= begin && at < end) {
        if (leastI16 != 0 && T >= leastI16) attendUnitI16(record, first, T, h, H, D, longest, scratch)
        else attendUnit(record, first, T, isFirstOnly ? 1 : T, h, H, D, longest, scratch)
      }
      at += <i64>T * (isFirstOnly ? 1 : T)
    }
  }
}
