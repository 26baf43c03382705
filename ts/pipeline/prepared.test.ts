import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createWasmDevice } from '../../kernels/wasm/device.ts'
import type { DenseWeight, Int8Weight } from '../../kernels/program/weights.ts'
import { runReference } from '../../kernels/reference.ts'
import { assertWithin } from '../../kernels/testing/compare.ts'
import { seededRandom, uniform } from '../../kernels/testing/random.ts'
import { randomWeight } from '../../kernels/testing/weights.ts'
import { referenceDevice } from '../../testing/reference-device.ts'
import { quantizeWeight } from '../compress/quantize-weight.ts'
import { createKernelCalls, type KernelCalls } from './kernel-calls.ts'
import { linearProgram } from '../../kernels/program/linear-program.ts'

const random = seededRandom(7)
const [M, N, K] = [5, 12, 32]
const x = uniform(M * K, random)
const bias = uniform(N, random)
let calls: KernelCalls
beforeAll(() => (calls = createKernelCalls(() => createWasmDevice({ threads: 2, shareFrom: 0 }))))
afterAll(() => calls.dispose())

const dense = (): DenseWeight => ({ kind: 'f32', N, K, data: uniform(N * K, random) })
const wantedOf = (weight: DenseWeight | Int8Weight, options = {}): Promise<Float32Array> =>
  weight.kind === 'f32' ? calls.denseMatmul(x, weight, options) : calls.int8Matmul(x, weight, options)

describe('a prepared layer', () => {
  it.each(['f32', 'int8', 'csr', 'int8-1x4', 'nm'] as const)(
    'computes as the float64 reference, into out: %s',
    async (kind) => {
      const weight = randomWeight(kind, N, K, random, { density: 0.5 })
      await using layer = await calls.prepare(weight, { bias, activation: 'relu' })
      const out = new Float32Array(M * N).fill(NaN)
      expect(await layer.run(x, { out })).toBe(out)
      const batch = { offsets: Int32Array.of(0, M), rows: x }
      const wanted = Float32Array.from(runReference(linearProgram(weight, bias, 'relu'), batch))
      assertWithin(out, wanted, new Float64Array(M * N).fill(1e-4), kind)
    },
  )

  it('is filled and read in place, also after the memory has grown', async () => {
    const weight = dense()
    await using layer = await calls.prepare(weight)
    const memory = await layer.memory(M)
    memory.input.set(x)
    await memory.run()
    expect(memory.output).toEqual(await wantedOf(weight))
    // 24 MB more, which moves what is not shared
    await using large = await calls.prepare({ kind: 'f32', N: 2048, K: 3072, data: new Float32Array(2048 * 3072) })
    expect(large.N).toBe(2048)
    memory.input.set(x.map((value) => 2 * value))
    await memory.run()
    const wanted = (await wantedOf(weight)).map((value) => 2 * value)
    assertWithin(memory.output, wanted, new Float64Array(M * N).fill(1e-5), 'doubled')
  })

  it('takes changed numbers by update', async () => {
    const weight = dense()
    await using layer = await calls.prepare(weight)
    weight.data.fill(1)
    await layer.update(weight, { bias })
    expect(await layer.run(x)).toEqual(await calls.denseMatmul(x, { ...weight }, { bias }))
    await expect(layer.update({ ...weight, N: 6, data: weight.data.slice(6 * K) })).rejects.toThrow(
      'expected f32 [12, 32]',
    )
  })

  it('chains in s8', async () => {
    const first = quantizeWeight(uniform(N * K, random), N, K)
    const second = quantizeWeight(uniform(4 * N, random), 4, N)
    await using one = await calls.prepare(first, { activation: 'relu' })
    await using two = await calls.prepare(second, { input: 's8' })
    const rows = await one.runToInt8(x)
    const hidden = await calls.int8Matmul(x, first, { activation: 'relu' })
    expect(await two.run(rows)).toEqual(await calls.int8Matmul(hidden, second))
    await expect(two.run(hidden)).rejects.toThrow('takes s8 rows')
    expect(await one.runToInt8(x, { out: rows })).toBe(rows)
  })

  it('chains in s8 in the memory of WebAssembly, with scales known beforehand too', async () => {
    const first = quantizeWeight(uniform(N * K, random), N, K)
    const second = quantizeWeight(uniform(4 * N, random), 4, N)
    const outputScale = 2 ** -5
    for (const options of [{}, { outputScale }]) {
      await using one = await calls.prepare(first, { activation: 'tanh', ...options })
      await using two = await calls.prepare(second, { input: 's8' })
      const [from, to] = [await one.memory(M), await two.memory(M)]
      from.input.set(x)
      await from.runToInt8()
      to.inputInt8.data.set(from.outputInt8.data)
      to.inputInt8.scales.set(from.outputInt8.scales)
      await to.run()
      const rows = await one.runToInt8(x)
      if ('outputScale' in options) expect([...rows.scales]).toEqual(new Array(M).fill(outputScale))
      expect(to.output).toEqual(await two.run(rows))
      expect(() => to.input).toThrow('there are no f32 input rows, this program takes s8')
      expect(() => from.inputInt8).toThrow('there are no s8 input rows, this program takes f32')
    }
    await expect(calls.prepare(first, { outputScale: 0.1 })).rejects.toThrow('expected an f32 from 2^-100 to 2^100')
  })

  it('refuses what is wrong, and calls after its end', async () => {
    const layer = await calls.prepare(dense())
    await expect(layer.run(x, { out: new Float32Array(3) })).rejects.toThrow('expected M * N = 60')
    await expect(layer.run(x.subarray(1))).rejects.toThrow('multiple of K = 32')
    await layer.dispose()
    await layer.dispose()
    await expect(layer.run(x)).rejects.toThrow('was disposed of')
    await expect(layer.memory(M)).rejects.toThrow('was disposed of')
    const other = createKernelCalls(async () => referenceDevice())
    await using there = await other.prepare(dense())
    await expect(there.memory(M)).rejects.toThrow('no memory to share')
  })
})

describe('a weight that changes', () => {
  it('is an error of the calls that keep it', async () => {
    const weight: DenseWeight = { kind: 'f32', N: 4, K: 8, data: new Float32Array(32).fill(1) }
    const ones = new Float32Array(8).fill(1)
    expect((await calls.denseMatmul(ones, weight))[0]).toBe(8)
    weight.data.fill(2)
    await expect(calls.denseMatmul(ones, weight)).rejects.toThrow(/have changed since .* update\(weight\)/)
    expect((await calls.denseMatmul(ones, { ...weight }))[0]).toBe(16)
    const offset = new Float32Array(4)
    await calls.denseMatmul(ones, weight, { bias: offset })
    offset[3] = 1
    await expect(calls.denseMatmul(ones, weight, { bias: offset })).rejects.toThrow('weight or bias have changed')
  })

  it('or has zero points, is refused', async () => {
    const weight = { ...quantizeWeight(new Float32Array(32).fill(1), 4, 8), zeroPoints: new Int8Array(4) }
    await expect(calls.int8Matmul(new Float32Array(8), weight)).rejects.toThrow(
      /zeroPoints; int8 weights are symmetric/,
    )
  })
})
