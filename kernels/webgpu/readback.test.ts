// The way to wait for results, on stand-ins for engines that look at their fences at different moments.

import { describe, expect, it } from 'vitest'
import { Readback } from './readback.ts'

/** Milliseconds between the looks of an engine that is not nudged. */
const POLL = 20

type Nudge = 'scope' | 'submit' | 'none'

/** A device whose maps are ready at once but noticed at the next poll, or at the nudge that the engine listens to. */
function engine(nudge: Nudge): GPUDevice {
  const waiting = new Set<() => void>()
  const look = (kind: Nudge): void => {
    if (kind !== nudge) return
    for (const resolve of waiting) resolve()
    waiting.clear()
  }
  const buffer = (size: number) => ({
    size,
    mapAsync: () =>
      new Promise<void>((resolve) => {
        waiting.add(resolve)
        setTimeout(resolve, nudge === 'none' ? 5 : POLL)
      }),
    getMappedRange: (offset: number, length: number) => new ArrayBuffer(length - offset),
    unmap: () => undefined,
    destroy: () => undefined,
  })
  const device = {
    createBuffer: ({ size }: { size: number }) => buffer(size),
    createCommandEncoder: () => ({ copyBufferToBuffer: () => undefined, finish: () => ({}) }),
    pushErrorScope: () => undefined,
    popErrorScope: async () => {
      look('scope')
      // as engines answer: in a later task
      await new Promise((resolve) => setImmediate(resolve))
      return null
    },
    queue: {
      submit: () => look('submit'),
    },
  }
  return device as unknown as GPUDevice
}

describe('readback', () => {
  it.each([
    ['scope', 'scopes'],
    ['submit', 'submits'],
    ['none', 'plain'],
  ] as const)('on an engine that looks at a %s is calibrated to %s', async (nudge, expected) => {
    const device = engine(nudge)
    const readback = new Readback(device)
    expect(readback.waiting).toBe('plain')
    await readback.calibrate()
    expect(readback.waiting).toBe(expected)
    const start = performance.now()
    const source = device.createBuffer({ size: 16, usage: 0 })
    expect((await readback.submitAndRead(device.createCommandEncoder(), source, 0, 16)).byteLength).toBe(16)
    expect(performance.now() - start).toBeLessThan(POLL * 0.7)
    readback.dispose()
  })
})
