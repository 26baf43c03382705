import { expect, it } from 'vitest'
import type { Program } from '../program/program.ts'
import { longestFitting, splitBatch } from './split.ts'

const program: Program = {
  buffers: [{ name: 'x', rows: 'tokens', width: 4, dtype: 'f32' }],
  ops: [],
  input: 0,
  output: 0,
}
const batchOf = (lengths: number[]) => {
  const offsets = new Int32Array(lengths.length + 1)
  lengths.forEach((length, b) => (offsets[b + 1] = offsets[b] + length))
  return { offsets, rows: Float32Array.from({ length: offsets[lengths.length] * 4 }, (_, i) => i) }
}

it('cuts between sequences: at most so many rows, a longer sequence alone', () => {
  const parts = splitBatch(program, batchOf([3, 4, 20, 1, 1]), 8)
  expect(parts.map(({ offsets }) => [...offsets])).toEqual([
    [0, 3, 7],
    [0, 20],
    [0, 1, 2],
  ])
  expect(parts.map(({ rows }) => (rows as Float32Array)[0])).toEqual([0, 7 * 4, 27 * 4])
})

it('keeps rows, sequences and tiles of 16 queries below what a dispatch has', () => {
  expect(longestFitting(program, 0, 64 * 1000)).toBe(1000 - (1000 % 16))
  const most = longestFitting(program, 0, 2 ** 32)
  expect(most).toBeLessThanOrEqual(4 * 65535)
  const lengths = Array<number>(100_000).fill(17)
  for (const { offsets } of splitBatch(program, batchOf(lengths), most)) {
    const B = offsets.length - 1
    expect(B).toBeLessThanOrEqual(65535)
    expect(2 * B).toBeLessThanOrEqual(65535)
    expect(offsets[B] / 4).toBeLessThanOrEqual(65535)
  }
  expect(splitBatch(program, batchOf(Array<number>(65_536).fill(1)), most)).toHaveLength(2)
})
