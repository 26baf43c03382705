import { expect, it } from 'vitest'
import { seededRandom } from '../testing/random.ts'
import { WasmMemory } from './memory.ts'
import { Regions } from './regions.ts'

it('hands out blocks that never overlap and takes all of them back, seed 1', () => {
  const memory = new WasmMemory(false)
  const random = seededRandom(1)
  const live = new Map<number, number>()
  for (let step = 0; step < 2000; step++) {
    if (live.size > 0 && random() < 0.5) {
      const address = [...live.keys()][Math.floor(random() * live.size)]
      live.delete(address)
      memory.free(address)
    } else {
      const bytes = 1 + Math.floor(random() * 5000)
      const address = memory.allocate(bytes)
      expect(address % 64).toBe(0)
      for (const [other, size] of live) expect(address + bytes <= other || other + size <= address).toBe(true)
      live.set(address, bytes)
    }
  }
  const first = memory.allocate(64)
  memory.free(first)
  for (const address of live.keys()) memory.free(address)
  expect(memory.liveBytes).toBe(0)
  expect(memory.memory.buffer.byteLength).toBeLessThan(4e6)
})

it('refuses to free what it did not hand out', () => {
  expect(() => new WasmMemory(false).free(8192)).toThrow('not an allocated address')
})

it('says how much memory there is where a request is too large', () => {
  const memory = new WasmMemory(false)
  expect(() => memory.allocate(5e9)).toThrow(/5000 MB of memory are needed, the engine stops at/)
})

it('reports a byte written before and after a guarded region, and nothing else', () => {
  const memory = new WasmMemory(false)
  const regions = new Regions(memory, true)
  const [a, b] = [regions.allocate('a', 100), regions.allocate('b', 10)]
  memory.u8(a, 100).fill(1)
  expect(regions.damage()).toEqual([])
  memory.u8(a + 100, 1)[0] = 1
  memory.u8(b - 3, 1)[0] = 1
  expect(regions.damage()).toEqual([
    'a: a byte 0 past its 100 bytes was written',
    'b: a byte 3 before its 10 bytes was written',
  ])
  regions.freeAll()
  expect(memory.liveBytes).toBe(0)
})
