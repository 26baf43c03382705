// The kernel tests that run on a device, all of them, in an engine that has no vitest: bundle.ts makes it loadable there.

import '../../kernels/activations.test.ts'
import '../../kernels/attention/attention.test.ts'
import '../../kernels/dense-matmul/dense-matmul.test.ts'
import '../../kernels/embedding/embedding.test.ts'
import '../../kernels/int8-matmul/int8-matmul.test.ts'
import '../../kernels/int8-matmul/int8-output.test.ts'
import '../../kernels/int8-matmul/whole-row.test.ts'
import '../../kernels/low-rank-linear/low-rank-linear.test.ts'
import '../../kernels/not-finite.test.ts'
import '../../kernels/row-ops/row-ops.test.ts'
import '../../kernels/sparse-matmul/single-row.test.ts'
import '../../kernels/sparse-matmul/sparse-matmul.test.ts'
import '../../kernels/sparse-matmul/token-blocks.test.ts'
import { ALL_DEVICES } from '../../kernels/testing/devices.ts'
import { deviceOf } from '../../kernels/testing/suite.ts'
import { atTheEnd, collected } from './test-runner.ts'

export interface SweptDevice {
  name: string
  tests: number
  seconds: number
  /** title and message of each test that failed */
  failures: string[]
  /** why the engine has no such device; none of its tests ran */
  absent?: string
}

/**
 * Runs the tests of every device that the engine has.
 *
 * @param wanted names of devices; all if not given
 * @param heard what is under way
 */
export async function runSweep(heard: (what: string) => void, wanted?: readonly string[]): Promise<SweptDevice[]> {
  if (collected.length === 0) throw new Error('no test was collected: this file runs as bundle.ts makes it')
  const swept: SweptDevice[] = []
  for (const device of ALL_DEVICES) {
    if (wanted && !wanted.includes(device.name)) continue
    const found: SweptDevice = { name: device.name, tests: 0, seconds: 0, failures: [] }
    swept.push(found)
    const begin = performance.now()
    try {
      await deviceOf(device)
    } catch (error) {
      found.absent = (error as Error).message.split('\n')[0]
      continue
    }
    for (const { title, run } of collected.filter((test) => test.device === device.name)) {
      heard(title)
      // a page answers who asks it between two tests, not within one
      await new Promise((resolve) => setTimeout(resolve))
      found.tests++
      try {
        await run()
      } catch (error) {
        found.failures.push(`${title}: ${(error as Error).message.slice(0, 500)}`)
      }
    }
    found.seconds = Math.round((performance.now() - begin) / 100) / 10
    if (found.tests === 0) throw new Error(`${device.name} has no tests`)
  }
  for (const end of atTheEnd) await end()
  return swept
}
