// The short sweep of the wide kernels, for a process that Node runs with WIDE_FLAG. Prints a line of JSON: the names of the
// devices that were swept, or why there is none.

import { INT8_WASM } from '../int8-matmul/variants.ts'
import { INT8_WIDE } from '../int8-matmul/variants-wide.ts'
import { createWasmDevice } from '../wasm/device.ts'
import type { Device } from '../program/device.ts'
import type { Batch } from '../program/program.ts'
import type { LeafWeight } from '../program/weights.ts'
import { afterInt8 } from './after-int8.ts'
import { assertExact } from './compare.ts'
import { everyKind, idsOf } from './every-kind.ts'
import { checkProgram } from './program.ts'
import { seededRandom, uniform } from './random.ts'
import { sweepLinear, type SweepCase } from './sweep.ts'
import { checkUnsaturated } from './unsaturated.ts'

const KINDS: LeafWeight['kind'][] = ['f32', 'int8', 'csr', 'int8-1x4', 'nm']

/** Rows around whole tiles, outputs around panels of 8 and 16, inputs around steps and blocks of K. */
const CASES: SweepCase[] = [
  ...[1, 2, 3, 4, 5, 6, 7, 11, 13, 32, 37, 70].map((M) => ({ M, N: 33, K: 40 })),
  ...[1, 7, 8, 9, 15, 16, 17, 24, 31, 32].map((N) => ({ M: 13, N, K: 36 })),
  ...[1, 2, 3, 4, 255, 256, 257, 513].map((K) => ({ M: 11, N: 17, K })),
  { M: 97, N: 40, K: 260, activation: 'gelu' },
  { M: 9, N: 40, K: 40, activation: 'silu', residual: true },
  { M: 6, N: 20, K: 24, bias: false },
  { M: 12, N: 33, K: 20, activation: 'gelu', residual: true },
]

/** Sequences from 48 tokens on, below and above whole tiles of keys. */
const ROWS_OF_INT8: Batch = {
  offsets: Int32Array.of(0, 48, 53, 114),
  rows: uniform(114 * 16, seededRandom(6)).map((value) => value * 0.3),
}

/** The wide kernels give the very bits of the narrow ones in int8: sums of integers, and one epilogue. */
async function compareIntegers(wide: Device, narrow: Device): Promise<void> {
  const [program, batch] = [everyKind(3), idsOf([5, 1, 40, 23], 3)]
  const kinds = new Set(['int8', 'int8-1x4'])
  const ops = program.ops.filter((op) => op.kind !== 'linear' || kinds.has(op.weight.kind))
  const layers = ops.filter((op) => op.kind === 'linear')
  for (const op of layers) {
    const alone = { ...program, ops: [ops[0], { ...op, input: 0 }], output: op.output }
    const results: Float32Array[] = []
    for (const device of [wide, narrow]) {
      const session = await device.load(alone)
      results.push(await session.run(batch))
      session.dispose()
    }
    assertExact(results[0], results[1], `${op.weight.kind}, wide against narrow`)
  }
  if (layers.length !== kinds.size) throw new Error('the program of every kind has no int8 layers')
}

/** What is printed. */
export interface WideSweep {
  /** names of the devices */
  swept?: string[]
  /** why there is none */
  none?: string
}

async function main(): Promise<WideSweep> {
  const swept: string[] = []
  const narrow = await createWasmDevice({ build: 'relaxed', threads: 1, keepsSparse: true })
  for (const threads of [1, 2]) {
    let device: Device
    try {
      device = await createWasmDevice({ wide: true, threads, shareFrom: 0, keepsSparse: true })
    } catch (error) {
      return { none: (error as Error).message }
    }
    for (const kind of KINDS) await sweepLinear(device, kind, CASES, 1)
    await checkProgram(device, everyKind(2), idsOf([1, 7, 40, 16, 61], 2), `every kind, ${threads} threads`)
    await checkProgram(
      device,
      afterInt8(2, 16, seededRandom(5)),
      ROWS_OF_INT8,
      `attention in integers, ${threads} threads`,
    )
    await compareIntegers(device, narrow)
    swept.push(device.info().name)
    await device.dispose()
  }
  await narrow.dispose()
  // every int8 tile of the module, those too that this engine's relaxed dot is not exact for
  for (const { id } of [...INT8_WIDE, ...INT8_WASM]) {
    const device = await createWasmDevice({
      wide: true,
      threads: 1,
      keepsSparse: true,
      variants: { 'int8-matmul': id },
    })
    await checkUnsaturated(device, [1, 2, 3, 4, 5, 6, 13, 41], [15, 16, 21, 33], 7)
    await device.dispose()
  }
  return { swept }
}

process.stdout.write(`${JSON.stringify(await main())}\n`)
