import { describe, expect, it } from 'vitest'
import { packInt8Panels, int8PanelBytes, unpackInt8Panels } from '../int8-matmul/pack.ts'
import { bytes, seededRandom, uniform } from '../testing/random.ts'
import { packPanels, panelElements, unpackPanels } from './pack.ts'

const SHAPES = [1, 3, 7, 8, 9, 17].flatMap((N) => [1, 2, 3, 4, 5, 8, 13].map((K) => [N, K]))

describe.each(SHAPES)('panels of W [%i, %i]', (N, K) => {
  const random = seededRandom(N * 100 + K)
  it('give W back, and hold 0 past N', () => {
    const W = uniform(N * K, random)
    const packed = new Float32Array(panelElements(N, K)).fill(NaN)
    packPanels(W, N, K, packed)
    expect(unpackPanels(packed, N, K)).toEqual(W)
    expect(packed.filter((x) => x !== 0).length).toBe(W.filter((x) => x !== 0).length)
  })
  it.each([2, 4] as const)('give bytes back, %i inputs side by side', (depth) => {
    const W = bytes(N * K, random)
    const packed = new Int8Array(int8PanelBytes(N, K)).fill(77)
    packInt8Panels(W, N, K, depth, packed)
    expect(unpackInt8Panels(packed, N, K, depth)).toEqual(W)
    expect(packed.filter((x) => x !== 0).length).toBe(W.filter((x) => x !== 0).length)
    // bytes that lie at an odd place, as in a file read whole
    const odd = new Int8Array(N * K + 1).subarray(1)
    odd.set(W)
    const again = new Int8Array(packed.length)
    packInt8Panels(odd, N, K, depth, again)
    expect(again).toEqual(packed)
  })
})
