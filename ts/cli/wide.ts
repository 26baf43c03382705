// `--wide`: V8's flag belongs to a process, so that the command is run again by a Node that has it.

import { Option } from '@commander-js/extra-typings'
import { WIDE_FLAG } from '../../kernels/wasm/wide-flag.ts'

/** @param when what it goes with */
export const wideOption = (when = '') =>
  new Option(
    '--wide',
    `${when}256-bit vectors on the CPU: runs the command in a Node with ${WIDE_FLAG}, an experiment of V8`,
  )

/**
 * Training has no wide kernels of its own: under the flag V8 joins most of those that there are, with the same bits.
 * @throws Error where the engine does not run 256 bits at a time, so that nothing would be won
 */
export async function proveWide(wide: boolean | undefined): Promise<void> {
  if (!wide) return
  const { createWasmDevice } = await import('../../kernels/wasm/device.ts')
  const device = await createWasmDevice({ threads: 1, wide })
  await device.dispose()
}

/** True where this process runs with the flag. */
export const hasWideFlag = (): boolean => process.execArgv.includes(WIDE_FLAG)

/**
 * Runs this command again in a Node with the flag, on the same terminal and files.
 * @param args what the command line was called with, its script first
 * @returns its exit code
 */
export async function runAgainWide(args: readonly string[]): Promise<number> {
  const { spawn } = await import('node:child_process')
  const child = spawn(process.execPath, [WIDE_FLAG, ...process.execArgv, ...args], { stdio: 'inherit' })
  // Ctrl-C reaches both, and what it means the other one says; what is sent to this process alone goes on to it
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const pass = (signal: NodeJS.Signals): void => void (signal === 'SIGINT' || child.kill(signal))
  for (const signal of signals) process.on(signal, pass)
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', (code, signal) => {
        if (code === null) reject(new Error(`the process that ran with ${WIDE_FLAG} was ended by ${signal}`))
        else resolve(code)
      })
    })
  } finally {
    for (const signal of signals) process.off(signal, pass)
  }
}
