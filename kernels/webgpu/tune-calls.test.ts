// Work that one dispatch can do, or several: timed with all that belongs to each, forced on the software
// adapter. Which is faster there says nothing.

import { expect, it } from 'vitest'
import { SHADERS } from '../generated/shaders.ts'
import { runReference } from '../reference.ts'
import { createGpuDeviceWith } from './device.ts'
import { assertWithin } from '../testing/compare.ts'
import { seededRandom, uniform } from '../testing/random.ts'
import { randomWeight } from '../testing/weights.ts'
import type { Batch, Op, Program } from '../program/program.ts'
import { MOST_CANDIDATES, type TuningStore } from './tune.ts'

const C = 32

/** Layers of 32 to 32, one after another, and a LayerNorm after the last one where `norm` is given. */
function program(kind: 'f32' | 'int8', layers: number, norm: boolean): Program {
  const random = seededRandom(layers)
  const ops = Array.from({ length: layers }, (_, i): Op => {
    const weight = randomWeight(kind, C, C, random)
    const bias = i === layers - 1 ? uniform(C, random) : null
    return { kind: 'linear', input: i, output: i + 1, weight, bias, activation: 'none', residual: null }
  })
  const affine = { gamma: uniform(C, random).map((x) => 1 + x / 5), beta: uniform(C, random), epsilon: 1e-12 }
  if (norm) ops.push({ kind: 'layernorm', input: layers, residual: null, output: layers + 1, ...affine })
  const buffers = Array.from(
    { length: ops.length + 1 },
    (_, i) => ({ name: `rows ${i}`, rows: 'tokens', width: C, dtype: 'f32' }) as const,
  )
  return { buffers, ops, input: 0, output: ops.length }
}

const rows = (M: number): Batch => ({ offsets: Int32Array.of(0, M), rows: uniform(M * C, seededRandom(M)) })

function storeIn(kept: Map<string, string>): TuningStore {
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) }
}

it.each([
  [
    'whole rows against tiles with quantization and LayerNorm',
    program('int8', 1, true),
    130,
    'int8-matmul.whole-row SPLIT=4',
    'int8-matmul.tiled',
    [1, 3],
  ],
  [
    'two factors in one dispatch against two',
    program('f32', 2, false),
    5,
    'low-rank-linear.fused COLUMNS=64',
    'dense-matmul.slice COLUMNS=16',
    [1, 2],
  ],
  [
    'a layer that rounds its own rows against one that reads bytes',
    program('int8', 1, false),
    5,
    'int8-matmul.fused COLUMNS=16',
    'int8-matmul.slice COLUMNS=16',
    [1, 2],
  ],
] as const)(
  'times %s; either choice gives the same and is kept',
  { timeout: 180_000 },
  async (_, given, M, one, several, calls) => {
    const kept = new Map<string, string>()
    const device = await createGpuDeviceWith({ kernels: 'tiled', tunesSoftware: true, tuning: storeIn(kept) })
    const session = await device.load(given, { guard: true })
    const shapes = await session.tune(rows(M))
    session.dispose()
    // of a chain the first factor has variants to choose from as well
    const { us, chosen } = shapes.at(-1)!
    expect(Object.keys(us).slice(0, 2)).toEqual([one, several])
    expect(Object.keys(us).length).toBeLessThanOrEqual(MOST_CANDIDATES)
    // none is off: those of several dispatches have done the same work
    for (const time of Object.values(us)) expect(time).toBeGreaterThan(0)
    const key = [...kept.keys()].at(-1)!
    expect(kept.get(key)).toBe(chosen)
    for (const [i, choice] of [one, several].entries()) {
      kept.set(key, choice)
      const again = await device.load(given, { guard: true })
      assertWithin(await again.run(rows(M)), runReference(given, rows(M)), 1e-4, choice)
      expect(again.stats().calls, choice).toBe(calls[i])
      expect(await again.checkGuards()).toEqual([])
      again.dispose()
    }
    expect(device.info().notes).toEqual([])
    await device.dispose()
  },
)

it('takes no variant whose outputs differ', { timeout: 180_000 }, async () => {
  // right in the self-test, which has 70 rows
  const source = SHADERS['low-rank-linear.fused'].replace(
    'activate(sum+columns[column/4u])',
    'activate(sum+columns[column/4u]) * select(1.0, 1.5, shape.x < 70u)',
  )
  expect(source).not.toBe(SHADERS['low-rank-linear.fused'])
  const device = await createGpuDeviceWith({
    kernels: 'tiled',
    tunesSoftware: true,
    tuning: storeIn(new Map()),
    sources: { 'low-rank-linear.fused': source },
  })
  const session = await device.load(program('f32', 2, false))
  // 33 rows take two dispatches by default
  const { us, chosen } = (await session.tune(rows(33))).at(-1)!
  expect(us['low-rank-linear.fused COLUMNS=64']).toBeNull()
  expect(chosen).not.toContain('fused')
  session.dispose()
  await device.dispose()
})
