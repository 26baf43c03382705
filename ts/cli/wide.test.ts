import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

it.runIf(hasAvx2)(
  'training with --wide ends with the same bits',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'compact-kernels-wide-'))
    try {
      const weights = async (...more: string[]): Promise<Buffer> => {
        const out = join(folder, `model${more.length}`)
        const args = ['train', '--data', 'builtin:reviews', '--size', '1x64', '--tokens', '32', '--epochs', '0.1']
        await promisify(execFile)(process.execPath, [MAIN, ...args, '--threads', '1', '--out', out, ...more])
        return readFileSync(join(out, 'model.safetensors'))
      }
      expect(Buffer.compare(await weights(), await weights('--wide'))).toBe(0)
    } finally {
      await rm(folder, { recursive: true })
    }
  },
  120_000,
)
if (!hasAvx2) console.warn('training with --wide is NOT CHECKED here: the processor has no AVX2')

it('wide is refused where the GPU is asked for', async () => {
  await expect(openDevice({ device: 'gpu', wide: true })).rejects.toThrow('wide is of WebAssembly alone')
})
