import { describe, expect, test } from 'vitest'
import { createRandom } from './random.ts'

describe('createRandom', () => {
  test('repeats for a seed, differs between seeds and streams', () => {
    const draw = (seed: number, stream?: string): number[] => {
      const random = createRandom(seed, stream)
      return Array.from({ length: 8 }, () => random.next())
    }
    expect(draw(7)).toEqual(draw(7))
    expect(draw(7)).not.toEqual(draw(8))
    expect(draw(7, 'split')).not.toEqual(draw(7, 'shuffle'))
  })

  test('the first numbers of seed 1 never change: models and data sets are named by their seed', () => {
    const random = createRandom(1)
    expect(Array.from({ length: 6 }, () => random.int(1000))).toMatchInlineSnapshot(`
      [
        158,
        751,
        871,
        829,
        66,
        128,
      ]
    `)
  })

  test('uniform, seed 3: mean, variance and every bucket as expected of 100000 draws', () => {
    const random = createRandom(3)
    const buckets = new Float64Array(10)
    let sum = 0
    let squares = 0
    for (let i = 0; i < 100000; i++) {
      const value = random.next()
      sum += value
      squares += value * value
      buckets[Math.floor(value * 10)]++
    }
    expect(Math.abs(sum / 1e5 - 0.5)).toBeLessThan(0.005)
    expect(Math.abs(squares / 1e5 - 1 / 3)).toBeLessThan(0.005)
    for (const count of buckets) expect(Math.abs(count - 10000)).toBeLessThan(500)
  })

  test('normal, seed 4: mean 0, variance 1, 4.55 % beyond two deviations', () => {
    const random = createRandom(4)
    let sum = 0
    let squares = 0
    let beyond = 0
    for (let i = 0; i < 100000; i++) {
      const value = random.normal()
      sum += value
      squares += value * value
      if (Math.abs(value) > 2) beyond++
    }
    expect(Math.abs(sum / 1e5)).toBeLessThan(0.015)
    expect(Math.abs(squares / 1e5 - 1)).toBeLessThan(0.02)
    expect(Math.abs(beyond / 1e5 - 0.0455)).toBeLessThan(0.003)
  })

  test('int covers its range evenly and shuffle keeps every item', () => {
    const random = createRandom(5)
    const counts = new Float64Array(7)
    for (let i = 0; i < 70000; i++) counts[random.int(7)]++
    for (const count of counts) expect(Math.abs(count - 10000)).toBeLessThan(500)
    const shuffled = random.shuffle(Array.from({ length: 100 }, (_, i) => i))
    expect(shuffled).not.toEqual(Array.from({ length: 100 }, (_, i) => i))
    expect([...shuffled].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i))
  })

  test('wrong arguments are refused', () => {
    expect(() => createRandom(0.5)).toThrow(/not an integer/)
    expect(() => createRandom(1).int(0)).toThrow(/whole number/)
    expect(() => createRandom(1).pick([])).toThrow(/empty/)
  })
})
