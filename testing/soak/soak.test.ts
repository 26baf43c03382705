// Eighty calls of `npm run soak`, on WebAssembly.

import { expect, it } from 'vitest'
import { soak } from './soak.ts'

it('gives every answer again, and sessions hold no more at the end', async () => {
  const { wrong, calls, loads, growth } = await soak({
    ...{ seconds: 60, calls: 80, tokens: 64 },
    formats: ['int8', 'int8-1x4'],
  })
  expect(wrong).toEqual([])
  expect(calls).toBe(80)
  expect(loads).toBe(4)
  const threads = growth.find(({ what }) => what.startsWith('threads'))!
  expect(threads.end).toBeLessThanOrEqual(threads.begin)
})
