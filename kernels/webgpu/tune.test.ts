// Timed choices among variants, forced on the software adapter: what is timed, what is refused, what is kept.

import { describe, expect, it } from 'vitest'
import { SHADERS } from '../generated/shaders.ts'
import { referenceWithBounds } from '../reference.ts'
import { createGpuDeviceWith } from './device.ts'
import { assertWithin } from '../testing/compare.ts'
import { seededRandom, uniform } from '../testing/random.ts'
import { linearProgram } from '../testing/sweep.ts'
import { randomWeight } from '../testing/weights.ts'
import type { Batch } from '../program/program.ts'
import { INT8_WEBGPU } from '../int8-matmul/variants.ts'
import type { CallVariant, ShaderUse } from './call.ts'
import { createContext, type ContextOptions } from './context.ts'
import { agrees, candidatesOf, fastest, MOST_CANDIDATES, type TunedShape, type TuningStore } from './tune.ts'

const [M, N, K] = [100, 16, 16]
const program = linearProgram(randomWeight('f32', N, K, seededRandom(1)), null, { M, N, K })
const batch = (rows: number): Batch => ({
  offsets: Int32Array.of(0, rows),
  rows: uniform(rows * K, seededRandom(2)),
})

function storeIn(kept: Map<string, string>): TuningStore {
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) }
}

describe('tuning on a device', () => {
  it(
    'times the variants once per class of rows, keeps the choice, and none whose outputs differ',
    { timeout: 180_000 },
    async () => {
      const kept = new Map<string, string>()
      const device = await createGpuDeviceWith({
        kernels: 'tiled',
        tunesSoftware: true,
        tuning: storeIn(kept),
        sources: { 'dense-matmul.row': wrongAbove70('dense-matmul.row') },
      })
      const tune = async (rows: number): Promise<TunedShape[]> => {
        const session = await device.load(program, { guard: true })
        const shapes = await session.tune(batch(rows))
        const expected = referenceWithBounds(program, batch(rows))
        assertWithin(await session.run(batch(rows)), expected.values, expected.bounds, 'after tuning')
        expect(await session.checkGuards()).toEqual([])
        session.dispose()
        return shapes
      }
      const shapes = await tune(M)
      expect(device.info().notes).toEqual([])
      expect(shapes).toHaveLength(1)
      const [{ shape, rows, chosen, us }] = shapes
      expect([shape, rows]).toEqual([`f32 ${N}x${K} none tokens`, 128])
      expect(Object.keys(us).length).toBeGreaterThan(2)
      expect(Object.keys(us).length).toBeLessThanOrEqual(MOST_CANDIDATES)
      const { 'dense-matmul.row': wrong, ...right } = us
      expect(wrong).toBeNull()
      expect(chosen in right).toBe(true)
      for (const time of Object.values(right)) expect(time).toBeGreaterThan(0)
      expect([...kept.values()]).toEqual([chosen])
      // 128 rows are of the same class, 129 are not
      expect(await tune(128)).toEqual([])
      expect(await tune(129)).toHaveLength(1)
      expect(kept.size).toBe(2)
      // another session runs the kept choice without timing; a variant that is not there is no choice
      const [key] = [...kept.keys()]
      const { values } = referenceWithBounds(program, batch(M))
      for (const [name, ratio] of [
        ['dense-matmul.row', 1.5],
        ['dense-matmul.gone', 1],
      ] as const) {
        kept.set(key, name)
        const session = await device.load(program)
        expect((await session.run(batch(M)))[5] / values[5]).toBeCloseTo(ratio, 4)
        session.dispose()
      }
      await device.dispose()
    },
  )
  it('leaves software adapters alone, and direct kernels', async () => {
    for (const [options, isTunable] of [
      [{ kernels: 'tiled' }, false],
      [{ kernels: 'direct', tunesSoftware: true }, false],
      [{ kernels: 'tiled', tunesSoftware: true }, true],
    ] as [ContextOptions, boolean][]) {
      const context = await createContext(options)
      if (context.software) expect(context.isTunable).toBe(isTunable)
      context.dispose()
    }
  })
})

/** Right in the self-test, which has 70 rows. */
function wrongAbove70(shader: 'dense-matmul.row'): string {
  const source = SHADERS[shader].replace(
    'activate(sum+columns[column/4u])',
    'activate(sum+columns[column/4u]) * select(1.0, 1.5, shape.x > 70u)',
  )
  expect(source).not.toBe(SHADERS[shader])
  return source
}

describe('choices', () => {
  const variant = (row: ShaderUse, more: Partial<CallVariant> = {}): CallVariant => ({
    row,
    constants: {},
    slots: [],
    workgroups: () => [1, 1, 1],
    ...more,
  })
  const [tiled, direct, fused, slice] = (['tiled/8', 'direct', 'fused/32', 'slice/32'] as const).map((wanted) =>
    variant(INT8_WEBGPU.find(({ id }) => id === wanted)!),
  )
  it('have the default first, at most five, and none that does the work of a call that others read', () => {
    const variants = Array.from({ length: 7 }, () => ({ ...tiled }))
    expect(candidatesOf(variants, variants[3], 9, true)).toEqual([3, 0, 1, 2, 4].map((i) => variants[i]))
    expect(candidatesOf([fused, slice], fused, 9, false)).toEqual([fused])
    expect(candidatesOf([fused, slice], slice, 9, false)).toEqual([slice])
  })
  it('have the other way of work second, by its own default, and no variant below its least rows', () => {
    const whole = INT8_WEBGPU.filter(({ shader }) => shader === 'int8-matmul.whole-row').map((row) =>
      variant(row, { constants: { ...row.tile }, minRows: 129 }),
    )
    const few = { ...slice, maxRows: 64 }
    const variants = [...whole, few, tiled, direct]
    expect(candidatesOf(variants, whole[0], 200, true)).toEqual([whole[0], tiled, whole[1], whole[2], few])
    expect(candidatesOf(variants, tiled, 200, true)).toEqual([tiled, whole[0], whole[1], whole[2], few])
    expect(candidatesOf(variants, few, 60, true)).toEqual([few, tiled, direct])
  })
  it('need 5 % less than the default, and agreement', () => {
    expect(fastest([10, 9.6, 11])).toBe(0)
    expect(fastest([10, 9.4, 9])).toBe(2)
    expect(fastest([10, null, 9])).toBe(2)
    expect(fastest([null, 1])).toBe(0)
  })
  it('agree but for rounding; NaN agrees with nothing', () => {
    const expected = Float32Array.of(1, -100, 0)
    expect(agrees(Float32Array.of(1.0005, -100, 0), expected)).toBe(true)
    expect(agrees(Float32Array.of(1.002, -100, 0), expected)).toBe(false)
    expect(agrees(Float32Array.of(NaN, -100, 0), expected)).toBe(false)
    // where some multiply in f16
    expect(agrees(Float32Array.of(1.9, -100, 0), expected, true)).toBe(true)
    expect(agrees(Float32Array.of(2.1, -100, 0), expected, true)).toBe(false)
  })
})
