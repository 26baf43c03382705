// Two seconds of `npm run soak`, on WebAssembly.

import { expect, it } from 'vitest'
import { soak } from './soak.ts'

it('gives every answer again, and sessions hold no more at the end', async () => {
  const { wrong, calls, loads, growth } = await soak({ seconds: 2, tokens: 128, formats: ['f32', 'int8', 'int8-1x4'] })
  expect(wrong).toEqual([])
  expect(calls).toBeGreaterThan(20)
  expect(loads).toBeGreaterThan(5)
  const threads = growth.find(({ what }) => what.startsWith('threads'))!
  expect(threads.end).toBeLessThanOrEqual(threads.begin)
})
