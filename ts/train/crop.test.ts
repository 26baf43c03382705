import { expect, it } from 'vitest'
import { createRandom } from '../../kernels/program/random.ts'
import { cropTokens } from './crop.ts'

const CLS = 2
const SEP = 3
const text = (length: number): Int32Array => Int32Array.of(CLS, ...Array.from({ length }, (_, i) => 100 + i), SEP)

it('gives neighbouring tokens between [CLS] and [SEP], of every length and place', () => {
  const random = createRandom(1, 'test')
  const seen = new Set<string>()
  for (let i = 0; i < 2000; i++) {
    const { ids } = cropTokens({ ids: text(9) }, { rate: 1, least: 6 }, random)
    expect([ids[0], ids.at(-1)]).toEqual([CLS, SEP])
    const inner = [...ids.subarray(1, -1)]
    expect(inner).toEqual(inner.map((_, at) => inner[0] + at))
    seen.add(`${inner[0] - 100} ${inner.length}`)
  }
  // lengths 6 to 8 at every place; a whole text is what the other readings are
  expect([...seen].sort()).toEqual(['0 6', '0 7', '0 8', '1 6', '1 7', '1 8', '2 6', '2 7', '3 6'])
})

it('reads long texts in shorter parts, and more often in part', () => {
  const random = createRandom(3, 'test')
  const crop = { rate: 0, least: 6, longer: { than: 8, rate: 0.9 } }
  const [long, usual] = [{ ids: text(20) }, { ids: text(8) }]
  expect(cropTokens(usual, crop, random)).toBe(usual)
  const read = Array.from({ length: 2000 }, () => cropTokens(long, crop, random))
  const whole = read.filter((of) => of === long)
  expect(whole.length / read.length).toBeCloseTo(0.1, 1)
  const lengths = read.filter((of) => of !== long).map(({ ids }) => ids.length - 2)
  expect([...new Set(lengths)].sort()).toEqual([6, 7, 8])
  const places = new Set(read.map(({ ids }) => ids[1]))
  expect(places.size).toBe(15)
})

it('leaves short texts and the other readings whole', () => {
  const random = createRandom(2, 'test')
  const short = { ids: text(6) }
  expect(cropTokens(short, { rate: 1, least: 6 }, random)).toBe(short)
  const long = { ids: text(40) }
  const whole = Array.from({ length: 1000 }, () => cropTokens(long, { rate: 0.25 }, random)).filter((of) => of === long)
  expect(whole.length).toBeGreaterThan(700)
  expect(whole.length).toBeLessThan(800)
})
