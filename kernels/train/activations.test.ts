// The activations of a training step and their slopes, value by value, on every build of the module.
import { describe, expect, it } from 'vitest'
import { activate } from '../program/activations.ts'
import { WASM } from '../generated/wasm-train.ts'
import { MULTIPLY } from '../wasm/abi.ts'
import { WasmMemory } from '../wasm/memory.ts'
import { ThreadPool } from '../wasm/pool.ts'
import { TapeWriter } from '../wasm/tape.ts'
import { TRAINED_ACTIVATIONS, type TrainActivation } from './activations.ts'
import { activationSlope } from './reference-math.ts'

/** N of a product of which 5 columns are left over. */
const WIDTH = 13
/** Everywhere near 0, where functions bend, and the far ends. */
const VALUES = [
  ...Array.from({ length: 1201 }, (_, i) => (i - 600) / 60),
  ...[0, 1e-30, -1e-30, 1e-8, -1e-8, 19.99, -19.99, 20.01, -20.01, 88, -88, 1e4, -1e4, 3e18, -3e18],
]
const ROWS = Math.ceil(VALUES.length / WIDTH)
const COUNT = ROWS * WIDTH
const X = Float32Array.from({ length: COUNT }, (_, i) => VALUES[i] ?? 0)

/** f of X, what f was of where it is kept (else what f gave), and the slopes: products with the identity and with ones. */
async function run(
  build: 'baseline' | 'relaxed',
  activation: TrainActivation,
): Promise<{ y: Float32Array; slope: Float32Array }> {
  const memory = new WasmMemory(false)
  const pool = await ThreadPool.create(memory, await WebAssembly.compile(WASM[build]()), 1)
  try {
    const place = (values: Float32Array): number => {
      const address = memory.allocate(values.byteLength + 64)
      memory.f32(address, values.length).set(values)
      return address
    }
    const identity = new Float32Array(WIDTH * WIDTH).map((_, i) => (i % (WIDTH + 1) === 0 ? 1 : 0))
    const [x, ones, weights] = [place(X), place(new Float32Array(COUNT).fill(1)), place(identity)]
    const [y, kept, slope] = [X, X, X].map(() => place(new Float32Array(COUNT).fill(NaN)))
    const { forward, backward, keepsInput } = TRAINED_ACTIVATIONS[activation]
    const square = { M: ROWS, K: WIDTH, N: WIDTH, aStride: WIDTH, yStride: WIDTH, isByRows: 0, weights, bias: 0 }
    const tape = new TapeWriter()
    const other = keepsInput ? kept : y
    tape.record(MULTIPLY, { ...square, a: x, epilogue: forward, other: keepsInput ? kept : 0, y }, [x], [y, kept])
    tape.record(MULTIPLY, { ...square, a: ones, epilogue: backward, other, y: slope }, [y, kept], [slope])
    const words = tape.finish()
    const at = memory.allocate(words.byteLength)
    memory.i32(at, words.length).set(words)
    const scratchBytes = 1 << 20
    await pool.run(0, { tape: at, scratch: memory.allocate(scratchBytes), scratchBytes })
    if (keepsInput) expect(memory.f32(kept, COUNT)).toEqual(X)
    return { y: memory.f32(y, COUNT).slice(), slope: memory.f32(slope, COUNT).slice() }
  } finally {
    await pool.dispose()
  }
}

describe.each(['baseline', 'relaxed'] as const)('on the %s build', (build) => {
  it.each(Object.keys(TRAINED_ACTIVATIONS) as TrainActivation[])('%s and its slope', async (activation) => {
    const { y, slope } = await run(build, activation)
    X.forEach((x, i) => {
      // the bounds that assembly/lib/math.ts and assembly/train/math.ts state
      const value = activate(x, activation)
      expect(Math.abs(y[i] - value), `${activation}(${x})`).toBeLessThan(1.5e-6 * Math.max(1, Math.abs(x)))
      const expected = activationSlope(x, activation)
      expect(Math.abs(slope[i] - expected), `slope of ${activation} at ${x}`).toBeLessThan(2e-6)
    })
  })
})
