// One row (M = 1): vectors along a row's own entries. Rows of every length around the steps of the loops, more outputs than
// a group, several K blocks. The relaxed ways are forced in kernels/wasm/device.test.ts.

import { describe, it } from 'vitest'
import { WASM_DEVICES } from '../testing/devices.ts'
import type { SweepCase } from '../testing/sweep.ts'
import { sweepOn } from '../testing/suite.ts'

const CASES: SweepCase[] = [
  // full rows: as many entries as inputs, or a fourth of that in blocks
  ...Array.from({ length: 40 }, (_, i) => ({ M: 1, N: 5, K: i + 1, density: 1 })),
  ...[48, 64, 96, 128].map((K) => ({ M: 1, N: 9, K, density: 1 })),
  ...[63, 64, 65, 130].map((N) => ({ M: 1, N, K: 24, density: 0.5 })),
  ...[0, 0.05, 0.2, 0.6].map((density) => ({ M: 1, N: 70, K: 1000, density, activation: 'gelu' as const })),
  { M: 1, N: 64, K: 64, residual: true, activation: 'tanh' },
  { M: 1, N: 768, K: 3072, density: 0.1, bias: false },
]

describe.each(WASM_DEVICES)('one row on $name, seed 1', (device) => {
  it('csr keeps its bound, and is exact on integers', async () => {
    await sweepOn(device, 'csr', CASES)
    await sweepOn(
      device,
      'csr',
      CASES.filter(({ activation }) => !activation).map((shape) => ({
        ...shape,
        input: 'integers',
        values: 'integers',
        exact: true,
      })),
    )
  })
  it('int8-1x4 keeps its bound, and is exact on bytes and with a calibrated scale', async () => {
    await sweepOn(device, 'int8-1x4', CASES)
    const integers = CASES.filter(({ activation }) => !activation)
    await sweepOn(
      device,
      'int8-1x4',
      integers.map((shape) => ({ ...shape, input: 's8', values: 'integers', exact: true })),
    )
    await sweepOn(
      device,
      'int8-1x4',
      integers.map((shape) => ({ ...shape, input: 'integers', values: 'integers', exact: true, activationScale: 0.5 })),
    )
  })
})
