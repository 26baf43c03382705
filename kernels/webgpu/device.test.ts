// The GPU device as a whole: shaders, merged and quantized layers, self-test, failures, the caller's own device. Each op's
// own sweep is in its folder.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SHADERS, type ShaderName } from '../generated/shaders.ts'
import type { Batch, BufferSpec, Op, Program } from '../program/program.ts'
import type { LeafWeight } from '../program/weights.ts'
import { assertWithin } from '../testing/compare.ts'
import { emulatedSources } from '../testing/emulated-matrices.ts'
import { encoder, tokens } from '../testing/encoder.ts'
import { nullDevice } from '../testing/null-device.ts'
import { seededRandom, uniform } from '../testing/random.ts'
import { linearProgram } from '../testing/sweep.ts'
import { randomWeight } from '../testing/weights.ts'
import { findAdapter, MATRIX_FEATURES } from './adapter.ts'
import { HALF_FEATURE } from './half.ts'
import { MATRIX_SHAPES } from './matrix-shape.ts'
import { referenceWithBounds, runReference } from '../reference.ts'
import { WEBGPU_VARIANTS } from '../variants.ts'
import { createGpuDevice, createGpuDeviceWith, type GpuDevice } from './device.ts'

/** More than anything needs. */
const NO_LIMITS = { maxStorageBuffersPerShaderStage: 64, maxComputeInvocationsPerWorkgroup: 1024 }

/** f32 layer, LayerNorm with a residual, three int8 layers that read it, and a LayerNorm of the third with it. */
function normProgram(C: number, N: number, activationScale?: number): Program {
  const random = seededRandom(C)
  const norm = () => ({ gamma: uniform(C, random).map((x) => 1 + x / 5), beta: uniform(C, random), epsilon: 1e-12 })
  const names = ['input', 'sum', 'normalised', 'query', 'key', 'value', 'output']
  const widths = [C, C, C, N, N, C, C]
  const linear = (input: number, output: number, kind: 'f32' | 'int8'): Op => ({
    kind: 'linear',
    input,
    output,
    weight: randomWeight(kind, widths[output], C, random, kind === 'int8' ? { activationScale } : {}),
    bias: uniform(widths[output], random),
    activation: 'none',
    residual: null,
  })
  return {
    buffers: names.map((name, i) => ({ name, rows: 'tokens', width: widths[i], dtype: 'f32' })),
    ops: [
      linear(0, 1, 'f32'),
      { kind: 'layernorm', input: 1, residual: 0, output: 2, ...norm() },
      ...[3, 4, 5].map((output) => linear(2, output, 'int8')),
      { kind: 'layernorm', input: 5, residual: 2, output: 6, ...norm() },
    ],
    input: 0,
    output: 6,
  }
}

function chainProgram(K: number, R: number, N: number): Program {
  const random = seededRandom(R)
  const first = linearProgram(randomWeight('f32', R, K, random), null, { M: 1, N: R, K })
  const last = linearProgram(randomWeight('f32', N, R, random), null, { M: 1, N, K: R })
  const ops = [...first.ops, { ...(last.ops[0] as Extract<Op, { kind: 'linear' }>), input: 1, output: 2 }]
  return { ...first, buffers: [...first.buffers, last.buffers[1]], ops, output: 2 }
}

let device: GpuDevice
let tiled: GpuDevice
beforeAll(async () => {
  device = await createGpuDevice({ kernels: 'direct' })
  tiled = await createGpuDeviceWith({ kernels: 'tiled', keepsSparse: true })
})
afterAll(async () => {
  await device.dispose()
  await tiled.dispose()
})

describe('shaders', () => {
  it('are valid WGSL, in the words of Dawn itself', async () => {
    const { device: validator, kept } = await nullDevice([...MATRIX_FEATURES, HALF_FEATURE])
    const problems: string[] = []
    for (const [name, code] of Object.entries(SHADERS)) {
      const module = validator.createShaderModule({ code })
      const { messages } = await module.getCompilationInfo()
      problems.push(...messages.map(({ message }) => `${name}: ${message}`))
      expect(code.match(/fn main\(/g), name).toHaveLength(1)
      await validator.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: 'main' } })
    }
    expect(kept).toHaveLength(2)
    expect(problems).toEqual([])
    expect(Object.keys(SHADERS).length).toBeGreaterThan(20)
  })
  it('share the text of what they share: the rule of quantization and the activations', () => {
    for (const name of ['divide', 'inverseScale', 'scaleOf', 'pack', 'activate', 'largestOf', 'total', 'dots']) {
      const bodies = Object.values(SHADERS).flatMap(
        (code) => code.match(new RegExp(`^fn ${name}\\([^]*?^}\\n(?=fn|@|$)`, 'm')) ?? [],
      )
      expect(bodies.length, name).toBeGreaterThan(1)
      expect(new Set(bodies).size, name).toBe(1)
    }
  })
})

describe('programs', () => {
  it.each([
    ['f32', 'direct'],
    ['int8', 'direct'],
    ['f32', 'tiled'],
    ['int8', 'tiled'],
    ['csr', 'direct'],
  ] as const)(
    'an encoder of two layers with %s weights gives the reference logits, %s kernels',
    async (kind, kernels) => {
      const own = kernels === 'direct' ? device : tiled
      const program = encoder(2, 32, 2, kind)
      const session = await own.load(program, { guard: true })
      // the second batch grows the buffers beyond 128 rows, where layers take other variants; the third fits into them
      for (const lengths of [[5], [1, 40, 7, 33, 2, 9, 11, 3, 12, 31], [17, 2]]) {
        const batch = tokens(lengths, lengths.length)
        const expected = runReference(program, batch)
        const actual = await session.run(batch)
        // rounding of q may differ where f32 and float64 are on two sides of a tie
        assertWithin(actual, expected, kind === 'int8' ? 2e-2 : 2e-4, `${kind} ${kernels} ${lengths}`)
        expect(await session.checkGuards()).toEqual([])
      }
      expect(own.info().notes).toEqual([])
      session.dispose()
    },
  )
  describe('of 12 layers take few dispatches: at most 90 in f32, 75 in int8', () => {
    const count = async (
      on: GpuDevice,
      kind: 'f32' | 'int8',
      rows: number[],
      C = 16,
      layers = 12,
    ): Promise<number[]> => {
      const session = await on.load(encoder(layers, C, 1, kind))
      const counts: number[] = []
      for (const M of rows) {
        // sequences of up to 30 tokens
        await session.run(tokens([...Array<number>(Math.floor(M / 30)).fill(30), M % 30], 1))
        counts.push(session.stats().calls)
      }
      session.dispose()
      return counts
    }
    it('in f32', async () => {
      expect(await count(device, 'f32', [3, 40])).toEqual([88, 88])
      expect(await count(tiled, 'f32', [3, 40])).toEqual([88, 88])
    })
    it('in int8 for any number of rows', async () => {
      // the embedding, five a layer, first token, pooler, classifier; up to 128 rows the last LayerNorm as well
      expect(await count(tiled, 'int8', [40, 129])).toEqual([65, 64])
      expect(await count(tiled, 'int8', [40, 129, 301], 16, 2)).toEqual([15, 14, 14])
    })
    it('more in int8 without workgroup memory: LayerNorm and two quantizations a layer on their own', async () =>
      expect(await count(device, 'int8', [3])).toEqual([114]))
    it('in int8 where the adapter multiplies matrices', async () => {
      const emulated = await createGpuDeviceWith({
        kernels: 'tiled',
        emulatesMatrices: MATRIX_SHAPES[0],
        sources: emulatedSources(),
      })
      // two layers: emulated matrices are slow
      expect(await count(emulated, 'int8', [40, 301], 32, 2)).toEqual([15, 14])
      for (const id of ['matrix/4', 'matrix/1', 'whole-row-matrix'])
        expect(emulated.info().variants['int8-matmul'].split(', ')).toContain(id)
      await emulated.dispose()
    })
  })
  it('normalises inside int8 layers as the reference does, the rows for later ops too', async () => {
    for (const [C, N, activationScale, counts] of [
      [48, 70, undefined, [1, 16, 17, 128]],
      [100, 33, 0.03, [17]],
      [768, 40, undefined, [5]],
    ] as const) {
      const program = normProgram(C, N, activationScale)
      const session = await tiled.load(program, { guard: true })
      for (const M of counts) {
        const rows = uniform(M * C, seededRandom(M))
        const batch: Batch = { offsets: Int32Array.of(0, M), rows }
        const actual = await session.run(batch)
        // a byte rounded the other way moves an output by amax / 127 max |W| of rms |x| rms |W| sqrt(C): under 5e-3
        assertWithin(actual, runReference(program, batch), 6e-3, `${M} ${C} ${N}`)
        // the first layer with the residual, then three merged ones that normalise, and LayerNorm of what those wrote
        expect(session.stats().calls).toBe(3)
        expect(await session.checkGuards()).toEqual([])
      }
      session.dispose()
    }
    expect(tiled.info().notes).toEqual([])
  })
  it('runs overlapping calls one after another and an empty batch not at all', async () => {
    const program = encoder(1, 16, 1, 'f32')
    const session = await device.load(program)
    const batches = [tokens([4], 1), tokens([9, 80 - 41], 2), tokens([1, 1], 3)]
    const results = await Promise.all(batches.map((batch) => session.run(batch)))
    results.forEach((actual, i) => assertWithin(actual, runReference(program, batches[i]), 2e-4, `overlapping ${i}`))
    const empty: Batch = { offsets: Int32Array.of(0), ids: new Int32Array(0), types: new Int32Array(0) }
    expect(await session.run(empty)).toHaveLength(0)
    const timed = await session.runTimed(batches[0])
    expect(timed.output).toEqual(results[0])
    expect(timed.gpuMs === null || timed.gpuMs > 0).toBe(true)
    session.dispose()
  })
  it('cuts batches between sequences where activations would exceed a binding, and refuses longer sequences', async () => {
    // rows of 32 floats: 256 of them to a binding
    const small = await createGpuDeviceWith({ kernels: 'direct', maxBindingBytes: 32768 })
    const program = encoder(1, 16, 1, 'f32')
    for (const op of program.ops)
      if (op.kind === 'embedding')
        op.position = { kind: 'f32', rows: 300, width: 16, data: uniform(300 * 16, seededRandom(6)) }
    const session = await small.load(program, { guard: true })
    const batch = tokens([60, 80, 200, 56, 1, 256, 5], 7)
    assertWithin(await session.run(batch), runReference(program, batch), 2e-4, 'cut in parts')
    expect(await session.checkGuards()).toEqual([])
    const { arenaBytes, calls } = session.stats()
    await session.run(tokens([5], 1))
    // 60 + 80, 200 + 56, 1, 256, 5
    expect(calls).toBe(session.stats().calls * 5)
    expect(session.stats().arenaBytes).toBe(arenaBytes)
    await expect(session.run(tokens([257], 1))).rejects.toThrow(
      /'middle' of 257 rows needs 32896 bytes, the adapter allows 32768/,
    )
    session.dispose()
    const wide = linearProgram(randomWeight('f32', 128, 128, seededRandom(3)), null, { M: 1, N: 128, K: 128 })
    await expect(small.load(wide)).rejects.toThrow('needs one buffer of 65536 bytes, the adapter allows 32768')
    await small.dispose()
  })
  it('gathers words on the host where the table exceeds the adapter, and says so', async () => {
    for (const kind of ['f32', 'int8'] as const) {
      const small = await createGpuDeviceWith({ kernels: 'direct', maxBindingBytes: 30000 })
      const program = encoder(1, 16, 1, 'f32')
      const op = program.ops[0] as Extract<Op, { kind: 'embedding' }>
      const rows = 2500
      const random = seededRandom(4)
      op.word =
        kind === 'f32'
          ? { kind, rows, width: 16, data: uniform(rows * 16, random) }
          : {
              kind,
              rows,
              width: 16,
              data: Uint8Array.from({ length: rows * 16 }, () => Math.floor(random() * 256)),
              scales: new Float32Array(rows).fill(0.01),
              offsets: new Float32Array(rows).fill(-1),
            }
      const session = await small.load(program)
      const batch = tokens([3, 30], 5)
      batch.ids![2] = rows - 1
      assertWithin(await session.run(batch), runReference(program, batch), 2e-4, `gathered ${kind}`)
      expect(small.info().notes.join()).toContain('gathered on the host')
      session.dispose()
      await small.dispose()
    }
  })
})

describe('the self-test', () => {
  it('passes for every variant there is, on this adapter', async () => {
    const [K, N] = [48, 70]
    const rowOp = (op: Op, width: number, rows: BufferSpec['rows']): Program => ({
      buffers: [
        { name: 'input', rows: 'tokens', width, dtype: 'f32' },
        { name: 'output', rows, width, dtype: 'f32' },
      ],
      ops: [op],
      input: 0,
      output: 1,
    })
    const self = { query: 0, key: 0, value: 0, output: 1 }
    const programs = [
      encoder(1, 16, 1, 'f32'),
      ...(['f32', 'int8', 'csr', 'int8-1x4', 'nm'] as const).map((kind) =>
        linearProgram(randomWeight(kind, N, K, seededRandom(3)), null, { M: 1, N, K }),
      ),
      ...(['csr', 'int8-1x4'] as const).map((kind) => {
        const weight = randomWeight(kind, 32, 64, seededRandom(3), { tiles: true })
        return linearProgram(weight, null, { M: 1, N: 32, K: 64 })
      }),
      chainProgram(K, 8, N),
      rowOp({ kind: 'mean-pool', input: 0, output: 1, normalize: true }, K, 'sequences'),
      rowOp({ kind: 'attention', ...self, heads: 1, headSize: 5, distanceBias: null }, 5, 'tokens'),
      rowOp({ kind: 'attention', ...self, heads: 1, headSize: 72, distanceBias: null }, 72, 'tokens'),
    ]
    const tested = new Set<string>()
    for (const on of [device, tiled]) {
      for (const program of programs) (await on.load(program)).dispose()
      const { notes, variants } = on.info()
      expect(notes).toEqual([])
      for (const [op, ids] of Object.entries(variants)) for (const id of ids.split(', ')) tested.add(`${op} ${id}`)
    }
    // matrices and f16 have their own tests in kernels/int8-matmul and dense-matmul, those of one vendor in vendors.test.ts
    const here = Object.values(WEBGPU_VARIANTS).flatMap((rows) =>
      rows.filter(({ features, vendors }) => features.length === 0 && !vendors),
    )
    expect(here.map(({ op, id }) => `${op} ${id}`).filter((name) => !tested.has(name))).toEqual([])
  })

  const weight = (): LeafWeight => randomWeight('f32', 70, 48, seededRandom(1))
  const breakShader = (shader: ShaderName): string => SHADERS[shader].replace('let w1 = ', 'let w1 = 1.001 * ')
  const batch: Batch = { offsets: Int32Array.of(0, 40), rows: uniform(40 * 48, seededRandom(2)) }

  it('demotes a tiled kernel that is slightly wrong and runs the direct one', async () => {
    const source = breakShader('dense-matmul.tiled')
    expect(source).not.toBe(SHADERS['dense-matmul.tiled'])
    const faulty = await createGpuDeviceWith({ kernels: 'tiled', sources: { 'dense-matmul.tiled': source } })
    const program = linearProgram(weight(), null, { M: 40, N: 70, K: 48 })
    const session = await faulty.load(program)
    const expected = referenceWithBounds(program, batch)
    assertWithin(await session.run(batch), expected.values, expected.bounds, 'after demotion')
    expect(faulty.info().notes.join()).toContain('dense-matmul.tiled failed its self-test')
    expect(faulty.info().variants['dense-matmul']).toContain('direct')
    session.dispose()
    await faulty.dispose()
  })
  it('refuses a device on which no variant is right', async () => {
    const sources = { 'dense-matmul.direct': breakShader('dense-matmul.direct') }
    const faulty = await createGpuDeviceWith({ kernels: 'direct', sources })
    const program = linearProgram(weight(), null, { M: 40, N: 70, K: 48 })
    await expect(faulty.load(program)).rejects.toThrow('computes no variant')
    await faulty.dispose()
  })
  it('refuses an adapter that executes nothing', async () => {
    const { device: idle, kept } = await nullDevice([])
    await expect(createGpuDevice({ device: idle })).rejects.toThrow('cannot be used')
    expect(kept).toHaveLength(2)
  })
})

describe("the caller's device", () => {
  it('survives dispose', async () => {
    const { adapter } = await findAdapter('allow')
    const own = await adapter.requestDevice()
    const wrapped = await createGpuDevice({ device: own, kernels: 'direct' })
    await wrapped.dispose()
    own.pushErrorScope('validation')
    own.createBuffer({ size: 16, usage: 128 }).destroy()
    expect(await own.popErrorScope()).toBeNull()
    own.destroy()
  })
  it('is refused where its limits are below what the kernels need', async () => {
    const { adapter } = await findAdapter('allow')
    const own = await adapter.requestDevice()
    const limits = { ...NO_LIMITS, maxComputeWorkgroupStorageSize: 8192 } as GPUSupportedLimits
    const weak = new Proxy(own, {
      get: (target, name) => (name === 'limits' ? limits : Reflect.get(target, name, target)),
    })
    await expect(createGpuDevice({ device: weak })).rejects.toThrow(
      'has maxComputeWorkgroupStorageSize 8192, the kernels need 16384',
    )
    expect(await (await createGpuDevice({ device: own, kernels: 'direct' })).dispose()).toBeUndefined()
    own.destroy()
  })
  it('reports a lost device in words', async () => {
    const { adapter } = await findAdapter('allow')
    const own = await adapter.requestDevice()
    const wrapped = await createGpuDevice({ device: own, kernels: 'direct' })
    const program = encoder(1, 16, 1, 'f32')
    const session = await wrapped.load(program)
    const running = session.run(tokens([4], 1))
    own.destroy()
    await expect(running).rejects.toThrow(/^WebGPU: the device was (disposed|lost: .*); create a new device/)
    await expect(session.run(tokens([4], 1))).rejects.toThrow('create a new device')
  })
  it("refuses software adapters with software: 'never'", async () => {
    if (device.info().software)
      await expect(createGpuDevice({ software: 'never' })).rejects.toThrow(/no adapter found|only adapter is software/)
    else await expect(createGpuDevice({ software: 'never' }).then((real) => real.dispose())).resolves.toBeUndefined()
  })
})
