// A session's rows in WebAssembly's own memory, to be filled and read in place. Loaded when it is asked for.

import type { Int8Rows, SessionMemory } from '../program/device.ts'
import type { Batch, BufferSpec, Program } from '../program/program.ts'
import { fixedScale } from '../program/quantization.ts'
import type { WasmMemory } from './memory.ts'

/** What a session lends of itself. Each throws where it was disposed of. */
export interface SessionRegions {
  memory: WasmMemory
  /** Places everything for the batch, and runs it where `isRun`; s8 output of a scale (0: one per row) or null for f32. */
  prepare(batch: Batch, int8Scale: number | null, isRun: boolean): Promise<void>
  /** Where the rows of the program's input or output lie. */
  address(which: 'input' | 'output'): number
  inputScales(): number
  /** s8 [rows, width] and f32 [rows] of the output */
  outputInt8(rows: number): Int8Rows
}

export async function sessionMemory(
  { input, output, buffers }: Program,
  rows: number,
  { memory, prepare, address, inputScales, outputInt8 }: SessionRegions,
): Promise<SessionMemory> {
  if (input === 'ids') throw new TypeError('session: its memory is that of rows, and this program takes token ids')
  if (!Number.isSafeInteger(rows) || rows < 1)
    throw new RangeError(`session: memory for ${rows} rows, expected a whole number from 1`)
  const batch: Batch = { offsets: Int32Array.of(0, rows) }
  const { width, dtype } = buffers[input]
  const taken = (wanted: BufferSpec['dtype']): number => {
    if (dtype !== wanted) throw new TypeError(`session: there are no ${wanted} input rows, this program takes ${dtype}`)
    return address('input')
  }
  const outputRows = buffers[output].rows === 'tokens' ? rows : 1
  await prepare(batch, 0, false)
  return {
    get input() {
      return memory.f32(taken('f32'), rows * width)
    },
    get inputInt8() {
      return { data: memory.s8(taken('s8'), rows * width), scales: memory.f32(inputScales(), rows) }
    },
    get output() {
      return memory.f32(address('output'), outputRows * buffers[output].width)
    },
    get outputInt8() {
      return outputInt8(outputRows)
    },
    run: () => prepare(batch, null, true),
    runToInt8: (activationScale) => prepare(batch, fixedScale(activationScale).scale, true),
  }
}
