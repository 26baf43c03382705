import { describe, expect, it } from 'vitest'
import type { LinearPart } from '../webgpu/linear.ts'
import type { CsrWeight, Int8BlockWeight } from '../program/weights.ts'
import { seededRandom } from '../testing/random.ts'
import { randomWeight, type WeightOptions } from '../testing/weights.ts'
import { packSell, planSell, type RowsWeight } from './pack-sell.ts'
import { isTileSparse, listWords, packTileLists, packTiles, planTiles } from './pack-tiles.ts'

type Kind = RowsWeight['kind']

const partOf = (kind: Kind, N: number, K: number, seed: number, options: WeightOptions): LinearPart<RowsWeight> => ({
  weight: randomWeight(kind, N, K, seededRandom(seed), options) as RowsWeight,
  bias: null,
  output: seed,
})

/** What a weight stores, as [output, stored column, value as a word]. */
type Entry = [n: number, column: number, word: number]

function entriesOf(weight: CsrWeight | Int8BlockWeight): Entry[] {
  const values = weight.values.slice()
  const words = new Uint32Array(values.buffer)
  const entries: Entry[] = []
  for (let n = 0; n < weight.N; n++)
    for (let z = weight.rowOffsets[n]; z < weight.rowOffsets[n + 1]; z++) entries.push([n, weight.columns[z], words[z]])
  return entries
}

/** Fails where the entries, by column of all parts, are not what the parts store; each part is in panels of 64. */
function expectStored(entries: Entry[], parts: LinearPart<RowsWeight>[]): void {
  let before = 0
  const stored = parts.flatMap(({ weight }) => {
    const own = entriesOf(weight).map(([n, ...rest]) => [before + n, ...rest])
    before += Math.ceil(weight.N / 64) * 64
    return own
  })
  entries.sort((a, b) => a[0] - b[0] || a[1] - b[1])
  expect(entries.flat().join()).toBe(stored.flat().join())
}

describe.each(['csr', 'int8-1x4'] as const)('slices of %s', (kind) => {
  // long rows lie in several of the tiles that the kernels stage, and end odd and even
  it.each([
    [1, 4, 1],
    [33, 64, 0.3],
    [70, 8400, 0.02],
    [300, 128, 0.05],
    [64, 32, 0],
  ])('give N = %i, K = %i, density %d back', (N, K, density) => {
    const parts = [partOf(kind, N, K, 1, { density }), partOf(kind, 7, K, 2, { density: density / 2 })]
    const sell = planSell(parts)
    const packed = new Uint32Array(sell.words)
    packSell(packed, parts, sell)
    const entries: Entry[] = []
    let repeated = 0
    // places where columns do not rise, a pair is not within what the kernels stage at once, or an empty half holds a value
    const wrong: number[] = []
    sell.columnOf.forEach((column, place) => {
      let last = -1
      for (let pair = 0; pair < sell.pairsOf[place]; pair++) {
        const at = sell.startOf[place] + pair * 96
        const [first, second] = [packed[at] & 0xffff, packed[at] >>> 16]
        if (first <= last || second < first || second >> 10 !== first >> 10) wrong.push(place)
        last = second
        entries.push([column, first, packed[at + 32]])
        if (second !== first) entries.push([column, second, packed[at + 64]])
        else {
          repeated++
          if (packed[at + 64] !== 0) wrong.push(place)
        }
      }
    })
    expect(wrong).toEqual([])
    expectStored(entries, parts)
    // at most one entry without a partner per row and staged tile
    const tiles = Math.ceil((kind === 'csr' ? K : K / 4) / 1024)
    expect(repeated).toBeLessThanOrEqual((N + 7) * tiles)
  })
  it('hold columns of like length, each once, inside windows of 256 of one layer', () => {
    const parts = [partOf(kind, 300, 256, 3, { density: 0.2 }), partOf(kind, 40, 256, 4, { density: 0.5 })]
    const { columnOf, pairsOf } = planSell(parts)
    // 300 outputs take five panels of 64 columns, 40 take one
    for (const [first, end] of [
      [0, 256],
      [256, 320],
      [320, 384],
    ]) {
      const window = Array.from(columnOf.subarray(first, end))
      expect(window.sort((a, b) => a - b)).toEqual(Array.from({ length: end - first }, (_, i) => first + i))
      for (let place = first + 1; place < end; place++) expect(pairsOf[place]).toBeLessThanOrEqual(pairsOf[place - 1])
    }
    expect(columnOf).toHaveLength(384)
  })
})

describe.each(['csr', 'int8-1x4'] as const)('tiles of %s', (kind) => {
  it.each([
    [16, 32, 1],
    [96, 64, 0.5],
    [304, 256, 0.2],
    [64, 32, 0],
  ])('give N = %i, K = %i, density %d back', (N, K, density) => {
    const parts = [
      partOf(kind, N, K, 1, { density, tiles: true }),
      partOf(kind, 48, K, 2, { density: density / 2, tiles: true }),
    ]
    for (const { weight } of parts) expect(isTileSparse(weight)).toBe(true)
    const plan = planTiles(parts)
    const lists = new Uint32Array(listWords(plan))
    packTileLists(lists, parts, plan)
    const packed = new Uint32Array(plan.tiles * plan.width * 16)
    packTiles(packed, parts, plan)
    const strips = (N + 48) / 16
    const entries: Entry[] = []
    for (let strip = 0; strip < strips; strip++) {
      const [column, first, count] = lists.subarray(strip * 3)
      // the longest strips first
      if (strip > 0) expect(count).toBeLessThanOrEqual(lists[strip * 3 - 1])
      for (let tile = first; tile < first + count; tile++)
        for (let i = 0; i < plan.width; i++)
          for (let o = 0; o < 16; o++)
            entries.push([
              column + o,
              lists[strips * 3 + tile] * plan.width + i,
              packed[(tile * plan.width + i) * 16 + o],
            ])
    }
    expectStored(entries, parts)
  })
  it('are told from other zeros', () => {
    const [N, K] = [32, 64]
    const { weight } = partOf(kind, N, K, 5, { density: 0.5, tiles: true })
    expect(isTileSparse(weight)).toBe(true)
    expect(isTileSparse(partOf(kind, N, K, 5, { density: 0.5 }).weight)).toBe(false)
    // sizes that tiles do not divide
    expect(isTileSparse(partOf(kind, 33, K, 5, { density: 1 }).weight)).toBe(false)
    expect(isTileSparse(partOf(kind, N, 48, 5, { density: 1 }).weight)).toBe(false)
    // whole runs, one of them elsewhere in one row
    const width = kind === 'csr' ? 32 : 8
    const rowOffsets = Uint32Array.from({ length: N + 1 }, (_, n) => n * width)
    const columns = Uint16Array.from({ length: N * width }, (_, z) => (z % width) + (z >= 20 * width ? width : 0))
    const values = kind === 'csr' ? new Float32Array(N * width) : new Int8Array(N * width * 4)
    const moved = { ...weight, rowOffsets, columns, values } as RowsWeight
    expect(isTileSparse(moved)).toBe(false)
    expect(isTileSparse({ ...moved, columns: columns.map((_, z) => z % width) })).toBe(true)
    // whole tiles, but one weight has moved by one column
    const from = 3 * width + width - 1
    const shifted = columns.map((_, z) => (z % width) + (z === from ? 1 : 0))
    expect(isTileSparse({ ...moved, columns: shifted })).toBe(false)
    // one row has a run more than its neighbours
    const longer = rowOffsets.map((offset, n) => offset + (n > 17 ? width : 0))
    const more = new Uint16Array((N + 1) * width).map((_, z) => {
      const row = longer.findLastIndex((offset) => offset <= z)
      return z - longer[row]
    })
    expect(isTileSparse({ ...moved, rowOffsets: longer, columns: more })).toBe(false)
  })
})
