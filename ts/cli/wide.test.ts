import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { openDevice } from '../inference/devices.ts'
import { WIDE_FLAG } from '../../kernels/wasm/wide-flag.ts'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))
const hasAvx2 = process.platform === 'linux' && /\bavx2\b/.test(readFileSync('/proc/cpuinfo', 'utf8'))

it('--wide runs the command in a Node with the flag, and hands its exit code on', async () => {
  const run = promisify(execFile)(process.execPath, [MAIN, 'info', '--wide', '--threads', '1', '--json'])
  if (hasAvx2) {
    const { cpu } = JSON.parse((await run).stdout) as { cpu: { name: string } }
    expect(cpu.name).toBe('wasm relaxed-simd in 256 bits, 1 thread')
  } else await expect(run).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining(WIDE_FLAG) as string })
})

it('wide is refused where the GPU is asked for', async () => {
  await expect(openDevice({ device: 'gpu', wide: true })).rejects.toThrow('wide is of WebAssembly alone')
})
