// What takes vitest's place in other engines must fail where vitest does: a matcher that lets a wrong value through would
// make every engine right.

import { expect as expected, it as test } from 'vitest'
import { atTheEnd, afterAll, collected, describe, expect, it } from './test-runner.ts'

const device = { name: 'wasm of a test', create: () => null }

test('tests are collected by device, with their titles', () => {
  const calls: unknown[] = []
  describe.each([device])('on $name', () => {
    it('one', () => calls.push('one'))
    it.each([1, [2, 3]])('row %i %s', (...row: unknown[]) => calls.push(row))
  })
  describe.each([{ name: 'shown', device, kinds: ['a'] }])('$name, $device.name', ({ kinds }: { kinds: string[] }) => {
    for (const kind of kinds) it(kind, () => calls.push(kind))
  })
  describe('without a device', () => it('is not of the sweep', () => calls.push('wrong')))
  expected(collected.map(({ title, device: on }) => [title, on])).toEqual([
    ['on wasm of a test > one', device.name],
    ['on wasm of a test > row 1 undefined', device.name],
    ['on wasm of a test > row 2 3', device.name],
    ['shown, wasm of a test > a', device.name],
  ])
  for (const { run } of collected) run()
  expected(calls).toEqual(['one', [1], [2, 3], 'a'])
  afterAll(() => 'end')
  expected(atTheEnd.map((end) => end())).toEqual(['end'])
})

type Expected = ReturnType<typeof expect>

test.each<[string, (check: Expected) => void, right: unknown, wrong: unknown[]]>([
  ['toBe', (check) => check.toBe(NaN), NaN, [0, undefined]],
  ['not.toBe', (check) => check.not.toBe(1), 2, [1]],
  [
    'toEqual',
    (check) => check.toEqual([1, { a: NaN }]),
    [1, { a: NaN }],
    [[1, { a: 0 }], [1], [1, {}], [1, { a: NaN }, 2], null],
  ],
  ['toEqual of empty', (check) => check.toEqual([]), [], [[undefined], {}, '']],
  [
    'toEqual of types',
    (check) => check.toEqual(Float32Array.of(1)),
    Float32Array.of(1),
    [[1], Float64Array.of(1), Float32Array.of(NaN)],
  ],
  ['toContain', (check) => check.toContain('b'), 'abc', ['ac', ['ab']]],
  ['not.toContain', (check) => check.not.toContain(false), [true], [[true, false]]],
  ['toMatch', (check) => check.toMatch(/b$/), 'ab', ['ba']],
  ['toHaveLength', (check) => check.toHaveLength(2), [1, 2], [[1], []]],
  ['toBeLessThan', (check) => check.toBeLessThan(1), 0, [1, NaN]],
  ['toBeLessThanOrEqual', (check) => check.toBeLessThanOrEqual(1), 1, [1.1, NaN]],
  ['toBeGreaterThan', (check) => check.toBeGreaterThan(1), 2, [1, NaN]],
  ['toBeGreaterThanOrEqual', (check) => check.toBeGreaterThanOrEqual(1), 1, [0, NaN]],
  ['toBeCloseTo', (check) => check.toBeCloseTo(1, 4), 1.00004, [1.00006, NaN]],
  [
    'toThrow',
    (check) => check.toThrow('said'),
    () => {
      throw new Error('it said so')
    },
    [
      () => {
        throw new Error('other')
      },
      () => 1,
    ],
  ],
])('%s lets what is right through, and nothing else', (_, use, right, wrong) => {
  expected(() => use(expect(right))).not.toThrow()
  for (const value of wrong) expected(() => use(expect(value))).toThrow('expected')
})

test('a rejection is waited for, and its words are compared', async () => {
  const rejected = (words: string) => expect(Promise.reject(new Error(words))).rejects.toThrow(/^said/)
  await expected(rejected('said so')).resolves.toBeUndefined()
  await expected(rejected('other')).rejects.toThrow('and it was: other')
  await expected(expect(Promise.resolve(1)).rejects.toThrow()).rejects.toThrow('it was fulfilled')
})
