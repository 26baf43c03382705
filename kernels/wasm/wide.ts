// What a device needs for 256-bit vectors, in a module of its own: it is fetched where a caller asks for it alone, so that no
// page loads it without.

import { DENSE_WIDE } from '../dense-matmul/variants-wide.ts'
import { WASM } from '../generated/wasm-wide.ts'
import { INT8_WIDE } from '../int8-matmul/variants-wide.ts'
import type { RelaxedModules } from './embedded.ts'
import type { ThreadPool } from './pool.ts'
import type { Int8Variant, TileVariant } from './variant.ts'
import { WIDE_FLAG } from './wide-flag.ts'

export interface WideKernels {
  modules: RelaxedModules
  /** tiles in order of preference */
  dense: readonly TileVariant[]
  int8: readonly Int8Variant[]
  /** @throws Error where the engine of a pool that runs the module does not run it in 256 bits */
  prove(pool: ThreadPool): Promise<void>
}

export const WIDE: WideKernels = {
  modules: WASM,
  dense: DENSE_WIDE,
  int8: INT8_WIDE,
  async prove(pool) {
    if (!(await runsWide(pool))) throw new Error(NOT_WIDE)
  },
}

const NOT_WIDE =
  'wasm: wide was asked for, but a probe shows that this engine does not run 256 bits at a time: wide multiply-adds took ' +
  `as long as narrow ones. Start Node with ${WIDE_FLAG} (an experiment of V8, on processors with AVX2), or leave wide out`

/** Multiply-adds of one call of the probe: 32 vectors of 4 a step, about 15 us in 128 bits. */
const STEPS = 2000
/** Wide multiply-adds take half the time of narrow ones where they are run in 256 bits, and at least as long where not. */
const MOST_TIME = 0.75
/** Rounds in a row that must say so. */
const ROUNDS = 3
/** An engine compiles well only what runs for a while, and in the background: so long it may say no. */
const PATIENCE_MS = 600
const SCRATCH_BYTES = 256

/** Times wide against narrow multiply-adds; says no only after PATIENCE_MS. */
async function runsWide(pool: ThreadPool): Promise<boolean> {
  const { probe_vectors } = pool.exports(0) as {
    probe_vectors: (isWide: number, steps: number, value: number, to: number) => void
  }
  const scratch = pool.memory.allocate(SCRATCH_BYTES)
  const time = (isWide: number): number => {
    const start = performance.now()
    probe_vectors(isWide, STEPS, 0.5, scratch)
    return performance.now() - start
  }
  try {
    const end = performance.now() + PATIENCE_MS
    let inARow = 0
    while (performance.now() < end) {
      // the narrow one before and after: what is compiled better from now on was not better before
      const [before, wide, after] = [time(0), time(1), time(0)]
      inARow = wide < MOST_TIME * Math.min(before, after) ? inARow + 1 : 0
      if (inARow === ROUNDS) return true
      // a turn of the event loop, in which what was compiled is taken
      await new Promise((resolve) => setTimeout(resolve, 0))
    }
    return false
  } finally {
    pool.memory.free(scratch)
  }
}
