import { expect, it } from 'vitest'
import type { BudgetLayer } from './layers.ts'
import { slowerFormats } from './slower-formats.ts'

const METHODS = ['f32', 'sp80', 'sp90', 'sp95', 'sp80x4+q8']

const layer = (stem: string): BudgetLayer => ({
  stem,
  role: 'query',
  candidates: METHODS.map((method, i) => ({ method, bytes: 100 - i, error: 0, make: () => expect.fail('made') })),
  linear: { N: 8, K: 16, uses: [{ M: 1, times: 1 }], layer: null!, inputs: null! },
})

const clockOf = (times: Record<string, number>) => {
  const asked: string[][] = []
  return {
    asked,
    ms: (_: BudgetLayer, method: string) => times[method],
    measure: async (wanted: (group: BudgetLayer, g: number) => readonly { method: string }[]) => {
      asked.push(...groups.map((group, g) => wanted(group, g).map(({ method }) => method)))
      return Promise.resolve()
    },
  }
}
const groups = [layer('a'), layer('b')]

it('names a slower format once, with the strength at which its kind breaks even', async () => {
  const clock = clockOf({ f32: 1, sp80: 2, sp90: 1.2, sp95: 0.5, 'sp80x4+q8': 3 })
  expect(await slowerFormats(groups, [1, 1], clock)).toEqual([
    'sp80 is slower than dense f32 at 8x16, 1 token: 2.0 ms against 1.0 ms; its kind breaks even at sp95 (0.50 ms) ' +
      '(2 layers); a limit in ms would not take it',
  ])
  expect(clock.asked).toEqual([
    ['sp80', 'sp90', 'sp95'],
    ['sp80', 'sp90', 'sp95'],
  ])
})

it('says where no strength is faster, and measures nothing where none is slower', async () => {
  const slow = clockOf({ f32: 1, sp80: 2, sp90: 2, sp95: 2, 'sp80x4+q8': 3 })
  expect((await slowerFormats(groups, [0, 2], slow)).join()).toContain('no strength of its kind is faster (1 layer)')
  expect(slow.asked).toEqual([[], ['sp80', 'sp90', 'sp95']])
  const fast = clockOf({ f32: 1, sp80: 1.04 })
  expect(await slowerFormats(groups, [1, 0], fast)).toEqual([])
  expect(fast.asked).toEqual([])
})
