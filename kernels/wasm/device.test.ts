import { execFileSync } from 'node:child_process'
import { afterAll, describe, expect, it } from 'vitest'
import { WASM } from '../generated/wasm.ts'
import { activate } from '../program/activations.ts'
import type { Device } from '../program/device.ts'
import type { Batch, Op, Program } from '../program/program.ts'
import type { EmbeddingTable, LeafWeight } from '../program/weights.ts'
import { assertExact, assertWithin } from '../testing/compare.ts'
import { checkProgram } from '../testing/program.ts'
import { seededRandom, uniform } from '../testing/random.ts'
import { linearProgram } from '../testing/sweep.ts'
import { checkUnsaturated } from '../testing/unsaturated.ts'
import { randomWeight } from '../testing/weights.ts'
import { runReference } from '../reference.ts'
import { ARENA_ADDRESS, JOB_WORD } from './abi.ts'
import type { BuildName } from './modules.ts'
import { INT8_WASM } from '../int8-matmul/variants.ts'
import { Work } from './work.ts'
import { createWasmDevice, type WasmDeviceOptions } from './device.ts'

const CONFIGURATIONS: WasmDeviceOptions[] = (['baseline', 'relaxed'] as const).flatMap((build) => [
  { build, threads: 1, shared: false },
  { build, threads: 1, shared: true },
  { build, threads: 2, shareFrom: 0 },
])

const KINDS: LeafWeight['kind'][] = ['f32', 'int8', 'csr', 'int8-1x4', 'nm']

const made = new Map<string, Promise<Device>>()
function deviceOf(options: WasmDeviceOptions): Promise<Device> {
  const key = JSON.stringify(options)
  let device = made.get(key)
  if (!device) made.set(key, (device = createWasmDevice(options)))
  return device
}
afterAll(async () => {
  for (const device of made.values()) await (await device).dispose()
})

/** A small encoder: embedding, q/k/v of three kinds, attention, two norms, a gelu layer and one back to C, both poolings. */
function encoder(seed: number): { program: Program; batch: Batch } {
  const random = seededRandom(seed)
  const [C, F, heads] = [24, 40, 3]
  const table = (rows: number): EmbeddingTable => ({ kind: 'f32', rows, width: C, data: uniform(rows * C, random) })
  const bytes: EmbeddingTable = {
    kind: 'int8',
    rows: 30,
    width: C,
    data: Uint8Array.from({ length: 30 * C }, () => random() * 256),
    scales: new Float32Array(30).fill(1 / 128),
    offsets: new Float32Array(30).fill(-1),
  }
  const norm = { gamma: uniform(C, random), beta: uniform(C, random), epsilon: 1e-12 }
  const linear = (kind: LeafWeight['kind'], input: number, output: number, N: number, K: number): Op => ({
    kind: 'linear',
    input,
    output,
    weight: randomWeight(kind, N, K, random),
    bias: uniform(N, random),
    activation: N === F ? 'gelu' : 'none',
    residual: N === F || output < 4 ? null : 5,
  })
  const names = ['x', 'q', 'k', 'v', 'context', 'normed', 'wide', 'back']
  const program: Program = {
    buffers: [
      ...names.map((name) => ({
        name,
        rows: 'tokens' as const,
        width: name === 'wide' ? F : C,
        dtype: 'f32' as const,
      })),
      { name: 'pooled', rows: 'sequences', width: C, dtype: 'f32' },
      { name: 'logits', rows: 'sequences', width: 2, dtype: 'f32' },
    ],
    ops: [
      { kind: 'embedding', word: bytes, position: table(20), type: table(2), ...norm, output: 0 },
      linear('f32', 0, 1, C, C),
      linear('csr', 0, 2, C, C),
      linear('nm', 0, 3, C, C),
      { kind: 'attention', query: 1, key: 2, value: 3, output: 4, heads, headSize: C / heads, distanceBias: null },
      { kind: 'layernorm', input: 4, residual: 0, output: 5, ...norm },
      linear('f32', 5, 6, F, C),
      linear('csr', 6, 7, C, F),
      { kind: 'mean-pool', input: 7, output: 8, normalize: true },
      { ...linear('f32', 8, 9, 2, C), residual: null } as Op,
    ],
    input: 'ids',
    output: 9,
  }
  const offsets = Int32Array.of(0, 1, 7, 20, 40)
  const ids = Int32Array.from({ length: 40 }, () => random() * 30)
  const types = Int32Array.from({ length: 40 }, () => random() * 2)
  return { program, batch: { offsets, ids, types } }
}

describe.each(CONFIGURATIONS)('wasm device $build, $threads threads, shared $shared', (options) => {
  it('runs a whole encoder as float64 does, guards intact, seed 1', async () => {
    const { program, batch } = encoder(1)
    const session = await (await deviceOf(options)).load(program, { guard: true })
    assertWithin(await session.run(batch), runReference(program, batch), 2e-5, JSON.stringify(options))
    expect(await session.checkGuards()).toEqual([])
    expect(session.stats().calls).toBe(12)
    session.dispose()
  })

  it.each(KINDS)('gives a %s layer within its bound in batches that shrink and grow, seed 2', async (kind) => {
    const random = seededRandom(2)
    const [N, K] = [70, 96]
    const weight = randomWeight(kind, N, K, random)
    const program = linearProgram(weight, uniform(N, random), { M: 1, N, K, activation: 'gelu' })
    const device = await deviceOf(options)
    for (const M of [33, 5, 130]) {
      const batch = { offsets: Int32Array.of(0, M), rows: uniform(M * K, random) }
      await checkProgram(device, program, batch, `${kind} M ${M}`)
    }
  })

  it.each([1, 3, 64])('attends with head size %i over sequences of 1 to 90 tokens, seed 3', async (headSize) => {
    const random = seededRandom(3)
    const width = 2 * headSize
    const buffer = (name: string) => ({ name, rows: 'tokens' as const, width, dtype: 'f32' as const })
    const op = {
      kind: 'attention',
      query: 0,
      key: 0,
      value: 0,
      output: 1,
      heads: 2,
      headSize,
      distanceBias: null,
    } as const
    const program: Program = { buffers: [buffer('x'), buffer('y')], ops: [op], input: 0, output: 1 }
    const offsets = Int32Array.of(0, 1, 6, 96, 103)
    const batch = { offsets, rows: uniform(103 * width, random) }
    await checkProgram(await deviceOf(options), program, batch, `attention D ${headSize}`)
  })
})

describe.each(['baseline', 'relaxed'] as const)('activations of the %s build', (build) => {
  it.each([
    ['gelu', 3e-7],
    ['tanh', 3e-7],
    ['relu', 0],
    ['gelu_tanh', 4e-7],
    ['silu', 4e-7],
  ] as const)('%s keeps to its stated bound %d max(1, |x|) from -20 to 20', async (activation, bound) => {
    const device = await deviceOf({ build, threads: 1, shared: false })
    const rows = Float32Array.from({ length: 40_001 }, (_, i) => (i - 20_000) / 1000)
    const weight = { kind: 'f32' as const, N: 1, K: 1, data: Float32Array.of(1) }
    const session = await device.load(linearProgram(weight, null, { M: rows.length, N: 1, K: 1, activation }))
    const actual = await session.run({ offsets: Int32Array.of(0, rows.length), rows })
    const expected = Float64Array.from(rows, (x) => activate(x, activation))
    const bounds = Float64Array.from(rows, (x) => bound * Math.max(1, activation === 'tanh' ? 1 : Math.abs(x)))
    assertWithin(actual, expected, bounds, activation)
    session.dispose()
  })
})

describe('threads', () => {
  it.each(['baseline', 'relaxed'] as const)('do not change a bit of the %s build, seed 4', async (build) => {
    const { program, batch } = encoder(4)
    const results = []
    for (const options of CONFIGURATIONS.filter((configuration) => configuration.build === build)) {
      const session = await (await deviceOf(options)).load(program)
      results.push(await session.run(batch))
      session.dispose()
    }
    assertExact(results[1], results[0], 'shared')
    assertExact(results[2], results[0], '2 threads')
  })

  it('leave a small batch to one of them, and take part in larger ones of the same session, seed 4', async () => {
    const { program, batch } = encoder(4)
    const counted = new Work()
    for (const op of program.ops) counted.add(op, program.buffers)
    const work = counted.of({
      tokens: batch.offsets[batch.offsets.length - 1],
      sequences: batch.offsets.length - 1,
      longest: 0,
      offsets: batch.offsets,
    })
    expect(work).toBeGreaterThan(0)
    const jobsOf = async (shareFrom: number): Promise<{ jobs: number; output: Float32Array }> => {
      const device = await createWasmDevice({ threads: 2, shareFrom })
      try {
        const session = await device.load(program)
        const before = device.pool.memory.i32(0, ARENA_ADDRESS >> 2)[JOB_WORD]
        const output = await session.run(batch)
        return { jobs: device.pool.memory.i32(0, ARENA_ADDRESS >> 2)[JOB_WORD] - before, output }
      } finally {
        await device.dispose()
      }
    }
    const [alone, together] = [await jobsOf(work + 1), await jobsOf(work)]
    expect([alone.jobs, together.jobs]).toEqual([0, 1])
    assertExact(alone.output, together.output, 'one thread against two')
  })

  it('run overlapping calls of two sessions one after another, seed 5', async () => {
    const device = await deviceOf({ threads: 2, shareFrom: 0 })
    const cases = [encoder(5), encoder(6)]
    const sessions = await Promise.all(cases.map(({ program }) => device.load(program)))
    const runs = Array.from({ length: 20 }, (_, i) => sessions[i % 2].run(cases[i % 2].batch))
    const results = await Promise.all(runs)
    for (let i = 0; i < 20; i++) assertExact(results[i], results[i % 2], `run ${i}`)
    assertWithin(results[1], runReference(cases[1].program, cases[1].batch), 2e-5, 'second session')
    for (const session of sessions) session.dispose()
  })
})

describe('dot strategies', () => {
  it.each(INT8_WASM.map(({ id }) => id))('%s gives the exact integers, seed 7', async (id) => {
    const device = await deviceOf({ build: 'relaxed', threads: 1, variants: { 'int8-matmul': id } })
    await checkUnsaturated(device, [1, 6, 13, 41], [21], 7)
  })

  it('names the strategy and why', async () => {
    const { variants } = (await deviceOf({ build: 'baseline', threads: 1, shared: false })).info()
    expect(variants['int8-matmul']).toBe('i16x8 (no relaxed SIMD in this build)')
  })

  it('refuses a relaxed strategy in the baseline build', async () => {
    await expect(createWasmDevice({ build: 'baseline', int8: 'u8' })).rejects.toThrow("has only 'i16x8'")
  })

  it('names the variants there are where one is asked for that is not among them', async () => {
    const variants = { 'int8-matmul': 'u8' }
    const made = createWasmDevice({ build: 'baseline', variants })
    await expect(made).rejects.toThrow("int8-matmul has no variant 'u8' in this build; choose one of i16x8")
  })
})

describe('the self-test', () => {
  // f32x4.relaxed_madd (fd 85 02) becomes relaxed_nmadd (fd 86 02): c - a b for a b + c
  const replace = (name: BuildName): (() => Uint8Array<ArrayBuffer>) => {
    const bytes = Buffer.from(WASM[name]())
    for (let at = 0; (at = bytes.indexOf(Buffer.of(0xfd, 0x85, 0x02), at)) >= 0; at++) bytes[at + 1] = 0x86
    return () => Uint8Array.from(bytes)
  }
  const broken = { ...WASM, relaxed: replace('relaxed'), 'relaxed-shared': replace('relaxed-shared') }

  it.each([1, 2])('demotes a relaxed build that computes wrongly, %i threads', async (threads) => {
    const device = await createWasmDevice({ modules: broken, threads, shareFrom: 0 })
    const { name, notes } = device.info()
    expect(name).toContain('baseline')
    expect(notes).toEqual([expect.stringMatching(/relaxed SIMD build computes dense-matmul, .* wrongly/)])
    const { program, batch } = encoder(8)
    const session = await device.load(program)
    assertWithin(await session.run(batch), runReference(program, batch), 2e-5, 'demoted')
    await device.dispose()
  })

  it('takes the baseline build where the relaxed one does not compile', async () => {
    const short = (): Uint8Array<ArrayBuffer> => WASM.relaxed().slice(0, 300)
    const cut = { ...WASM, relaxed: short, 'relaxed-shared': short }
    const device = await createWasmDevice({ modules: cut, threads: 2 })
    const { name, notes } = device.info()
    expect(name).toBe('wasm baseline-simd, 2 threads')
    expect(notes).toEqual([expect.stringMatching(/relaxed SIMD build does not run on this engine/)])
    await device.dispose()
    await expect(createWasmDevice({ modules: cut, build: 'relaxed', threads: 1 })).rejects.toThrow('does not run')
  })

  it('refuses a wrong build that was asked for by name', async () => {
    await expect(createWasmDevice({ modules: broken, build: 'relaxed', threads: 1 })).rejects.toThrow('wrongly')
  })
})

describe('bad input', () => {
  it('names buffers that do not fit', async () => {
    const device = await deviceOf({ threads: 2, shareFrom: 0 })
    const { program } = encoder(9)
    const narrow = { ...program, buffers: program.buffers.map((buffer) => ({ ...buffer, width: 7 })) }
    await expect(device.load(narrow)).rejects.toThrow("op 0 (embedding): output 'x' is [tokens, 7]")
    await expect(device.load({ ...program, ops: program.ops.slice(1) })).rejects.toThrow('before it is written')
  })

  it('refuses a batch that does not fit, and runs on', async () => {
    const device = await deviceOf({ threads: 2, shareFrom: 0 })
    const { program, batch } = encoder(10)
    const session = await device.load(program)
    await expect(session.run({ ...batch, ids: batch.ids!.map(() => 99) })).rejects.toThrow('outside the vocabulary')
    expect(await session.run({ offsets: Int32Array.of(0), ids: new Int32Array(), types: new Int32Array() })).toEqual(
      new Float32Array(),
    )
    assertWithin(await session.run(batch), runReference(program, batch), 2e-5, 'after a refusal')
    session.dispose()
    await expect(session.run(batch)).rejects.toThrow('disposed')
  })
})

it('lets the process end after dispose, and without it', () => {
  for (const last of ['await device.dispose()', '']) {
    const script = `
      import { createWasmDevice } from ${JSON.stringify(new URL('device.ts', import.meta.url).href)}
      const device = await createWasmDevice({ threads: 2, shareFrom: 0 })
      console.log(device.info().threads)
      ${last}`
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 30_000 })
    expect(String(output).trim()).toBe('2')
  }
})
