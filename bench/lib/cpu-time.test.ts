import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { platform } from 'node:os'
import { expect, it } from 'vitest'
import { treeCpuMs } from './cpu-time.ts'

const BUSY =
  "const end = performance.now() + 300; while (performance.now() < end); console.log('done'); setInterval(() => {}, 1000)"

it('adds up a process and its children', async () => {
  const before = treeCpuMs(process.pid)
  const child = spawn(process.execPath, ['-e', BUSY], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  const after = treeCpuMs(process.pid)
  const alone = treeCpuMs(child.pid!)
  child.kill()
  if (platform() !== 'linux') {
    expect([before, after, alone]).toEqual([null, null, null])
    return
  }
  // its core is shared with whatever else runs here
  expect(alone).toBeGreaterThan(50)
  expect(after! - before!).toBeGreaterThanOrEqual(alone! * 0.99)
})
