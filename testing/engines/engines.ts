// Every engine that the checks run on, in the order of the table.

import { BROWSERS } from './browsers.ts'
import type { Engine } from './checks.ts'
import { RUNTIMES, runRuntime } from './runtimes.ts'

export const ENGINES: Engine[] = [
  ...RUNTIMES.map((runtime) => ({
    name: runtime.name,
    run: (devices: readonly string[]) => runRuntime(runtime, devices),
  })),
  ...BROWSERS,
]
