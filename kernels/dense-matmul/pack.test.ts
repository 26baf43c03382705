import { describe, expect, it } from 'vitest'
import { packInt8Panels, int8PanelBytes, unpackInt8Panels } from '../int8-matmul/pack.ts'
import { bytes, seededRandom, uniform } from '../testing/random.ts'
import { packPanels, panelElements, unpackPanels } from './pack.ts'

const SHAPES = [8, 16].flatMap((columns) =>
  [1, 3, 7, 8, 9, 17].flatMap((N) => [1, 2, 3, 4, 5, 8, 13].map((K) => [columns, N, K])),
)

describe.each(SHAPES)('panels of %i columns of W [%i, %i]', (columns, N, K) => {
  const random = seededRandom(N * 100 + K)
  it('give W back, and hold 0 past N', () => {
    const W = uniform(N * K, random)
    const packed = new Float32Array(panelElements(N, K, columns)).fill(NaN)
    packPanels(W, N, K, columns, packed)
    expect(unpackPanels(packed, N, K, columns)).toEqual(W)
    expect(packed.filter((x) => x !== 0).length).toBe(W.filter((x) => x !== 0).length)
  })
  it.each([2, 4] as const)('give bytes back, %i inputs side by side', (depth) => {
    const W = bytes(N * K, random)
    const packed = new Int8Array(int8PanelBytes(N, K, columns)).fill(77)
    packInt8Panels(W, N, K, { columns, depth }, packed)
    expect(unpackInt8Panels(packed, N, K, { columns, depth })).toEqual(W)
    expect(packed.filter((x) => x !== 0).length).toBe(W.filter((x) => x !== 0).length)
    // bytes that lie at an odd place, as in a file read whole
    const odd = new Int8Array(N * K + 1).subarray(1)
    odd.set(W)
    const again = new Int8Array(packed.length)
    packInt8Panels(odd, N, K, { columns, depth }, again)
    expect(again).toEqual(packed)
  })
})
