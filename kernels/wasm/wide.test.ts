import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { WideSweep } from '../testing/wide-sweep.ts'
import { createWasmDevice } from './device.ts'
import { WIDE_FLAG } from './wide-flag.ts'

/** Runs a file with V8's flag; what it prints is one line of JSON. */
async function underFlag<T>(file: string): Promise<T> {
  const path = fileURLToPath(new URL(file, import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [WIDE_FLAG, path], { timeout: 120_000 })
  return JSON.parse(stdout) as T
}

/** Whether this machine must run 256 bits at a time: known on Linux alone. */
function hasAvx2(): boolean {
  try {
    return /\bavx2\b/.test(readFileSync('/proc/cpuinfo', 'utf8'))
  } catch {
    return false
  }
}

describe('wide', () => {
  it('computes as the float64 reference does, and int8 as the narrow kernels to the bit, seeds 1 to 3', async () => {
    const { swept, none } = await underFlag<WideSweep>('../testing/wide-sweep.ts')
    if (hasAvx2())
      expect(swept, none).toEqual([
        'wasm relaxed-simd in 256 bits, 1 thread',
        'wasm relaxed-simd in 256 bits, 2 threads',
      ])
    else if (none) console.warn(`the wide kernels are NOT TESTED on this machine: ${none}`)
  })

  it('says what the caller has to do where the engine runs 128 bits at a time', async () => {
    const made = createWasmDevice({ wide: true, threads: 1 })
    if (process.execArgv.includes(WIDE_FLAG) && hasAvx2()) await (await made).dispose()
    else await expect(made).rejects.toThrow(`Start Node with ${WIDE_FLAG}`)
  })

  it('refuses what it cannot be', async () => {
    await expect(createWasmDevice({ wide: true, build: 'baseline' })).rejects.toThrow('wide needs relaxed SIMD')
    await expect(createWasmDevice({ wide: 1 as unknown as boolean })).rejects.toThrow("wide '1' is not known")
  })
})
