// The checks of `npm run engines` on this engine's WebAssembly; the command runs them on the others.

import { expect, it } from 'vitest'
import { createWasmDevice } from '../../kernels/wasm/device.ts'
import { checkDevice } from './checks.ts'

it('finds every integer equal, in every storage format', async () => {
  const { faults, integers, models, furthest } = await checkDevice(await createWasmDevice({ threads: 2, shareFrom: 0 }))
  expect(faults).toEqual([])
  expect(models).toBe(8)
  expect(integers).toBeGreaterThan(5000)
  expect(furthest).toBeLessThan(5e-3)
})
