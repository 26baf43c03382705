// A device that computes with the float64 references: the oracle behind a pipeline. Imported by tests only.

import { runReference } from '../kernels/reference.ts'
import type { Device } from '../kernels/program/device.ts'
import { readProgram } from '../kernels/program/stored-weights.ts'

export interface ReferenceDevice extends Device {
  /** batches run, sessions open, and whether it was disposed of */
  log: { batches: number[]; sessions: number; disposed: boolean }
}

export function referenceDevice(): ReferenceDevice {
  const log: ReferenceDevice['log'] = { batches: [], sessions: 0, disposed: false }
  const dispose = async (): Promise<void> => {
    log.disposed = true
  }
  return {
    log,
    info: () => ({ kind: 'cpu', name: 'reference', software: false, threads: 1, variants: {}, notes: [] }),
    load: async (stored) => {
      const program = await readProgram(stored)
      log.sessions++
      let isDisposed = false
      const dispose = (): void => {
        if (isDisposed) return
        isDisposed = true
        log.sessions--
      }
      return {
        run: (batch) => {
          if (isDisposed) return Promise.reject(new Error('session: it was disposed'))
          log.batches.push(batch.offsets.length - 1)
          return Promise.resolve(Float32Array.from(runReference(program, batch)))
        },
        runToInt8: () => Promise.reject(new Error('reference: f32 results alone')),
        stats: () => ({ weightBytes: 0, arenaBytes: 0, calls: program.ops.length }),
        checkGuards: () => Promise.resolve([]),
        dispose,
        [Symbol.dispose]: dispose,
      }
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  }
}
