// Arguments that callers do give: each was read as other numbers, on WebAssembly as different ones than on the GPU.

import { afterAll, describe, expect, it } from 'vitest'
import { createWasmDevice, type WasmDeviceOptions } from '../../kernels/wasm/device.ts'
import type { ChainWeight, CsrWeight, DenseWeight, Int8Weight, NmWeight } from '../../kernels/program/weights.ts'
import { referenceDevice } from '../../testing/reference-device.ts'
import { createKernelCalls, type LinearOptions } from './kernel-calls.ts'

const [N, K] = [4, 8]
const calls = createKernelCalls(() => Promise.resolve(referenceDevice()))
afterAll(() => calls.dispose())

const ones = new Float32Array(K).fill(1)
const scales = new Float32Array(N).fill(1)
const dense = (data: unknown) => ({ kind: 'f32', N, K, data }) as DenseWeight
const int8 = (change: object = {}) =>
  ({ kind: 'int8', N, K, data: new Int8Array(N * K), scales, ...change }) as Int8Weight
const csr = (change: object) =>
  ({
    kind: 'csr',
    N: 2,
    K,
    rowOffsets: Uint32Array.of(0, 1, 2),
    columns: Uint16Array.of(0, 7),
    values: Float32Array.of(1, 1),
    ...change,
  }) as CsrWeight

describe('weights', () => {
  it('are typed arrays of their kind', async () => {
    for (const [data, found] of [
      [new Array(N * K).fill(1), 'Array'],
      [new Float64Array(N * K), 'Float64Array'],
      [undefined, 'undefined'],
    ])
      await expect(calls.denseMatmul(ones, dense(data))).rejects.toThrow(
        new TypeError(`denseMatmul: f32 weight [4, 8] is not valid: data is ${String(found)}, expected Float32Array`),
      )
    for (const data of [new Uint8Array(N * K).fill(255), new Float32Array(N * K)])
      await expect(calls.int8Matmul(ones, int8({ data }))).rejects.toThrow(/data is \w+, expected Int8Array/)
    await expect(calls.sparseMatmul(ones, csr({ columns: Int16Array.of(0, -1) }))).rejects.toThrow(
      /columns is Int16Array, expected Uint16Array/,
    )
    await expect(calls.denseMatmul(ones, null as unknown as DenseWeight)).rejects.toThrow(TypeError)
  })
  it('have values in range', async () => {
    for (const bad of [NaN, -1, Infinity])
      await expect(calls.int8Matmul(ones, int8({ scales: Float32Array.of(1, bad, 1, 1) }))).rejects.toThrow(
        new RangeError(
          `int8Matmul: int8 weight [4, 8] is not valid: scales holds ${bad} at 1, expected a finite number from 0`,
        ),
      )
    await expect(calls.int8Matmul(ones, int8({ data: new Int8Array(N * K).fill(-128) }))).rejects.toThrow(/-128/)
    await expect(calls.sparseMatmul(ones, csr({ columns: Uint16Array.of(0, 8) }))).rejects.toThrow(/not below 8/)
    const twice = { rowOffsets: Uint32Array.of(0, 2, 2), columns: Uint16Array.of(5, 5) }
    await expect(calls.sparseMatmul(ones, csr(twice))).rejects.toThrow(/do not rise strictly/)
    const nm = { kind: 'nm', N, K, n: 0, m: 4, group: 32, indices: new Uint16Array(0), values: new Float32Array(0) }
    await expect(calls.sparseMatmul(ones, nm as NmWeight)).rejects.toThrow(/n is 0, expected a whole number from 1/)
  })
  it('have no size 0, a rank neither', async () => {
    const chain = (factors: unknown) => ({ kind: 'chain', N, K, factors }) as ChainWeight
    const empty = new Float32Array(0)
    const factors = [
      { kind: 'f32', N: 0, K, data: empty },
      { kind: 'f32', N, K: 0, data: empty },
    ]
    await expect(calls.lowRankLinear(ones, chain(factors))).rejects.toThrow(
      new RangeError('lowRankLinear factor 0: f32 weight [0, 8] is not valid: N is 0, expected a whole number from 1'),
    )
    await expect(calls.lowRankLinear(ones, chain(undefined))).rejects.toThrow(/factors is undefined, expected a list/)
  })
})

describe('inputs', () => {
  it('are f32, or s8 with scales', async () => {
    const weight = dense(new Float32Array(N * K).fill(1))
    for (const input of [new Array(K).fill(1), new Float64Array(K), undefined])
      await expect(calls.denseMatmul(input as unknown as Float32Array, weight)).rejects.toThrow(
        /^denseMatmul: the input is \w+, expected Float32Array/,
      )
    const rows = (data: unknown, scale = 1) => ({ data: data as Int8Array, scales: Float32Array.of(scale) })
    await expect(calls.int8Matmul(rows(new Uint8Array(K)), int8())).rejects.toThrow(/input's data is Uint8Array/)
    await expect(calls.int8Matmul(rows(new Int8Array(K).fill(-128)), int8())).rejects.toThrow(/holds -128/)
    await expect(calls.int8Matmul(rows(new Int8Array(K), NaN), int8())).rejects.toThrow(/scale 0 is NaN/)
  })
  it('that are quantized to int8 are finite', async () => {
    for (const bad of [NaN, Infinity, -Infinity]) {
      const input = new Float32Array(2 * K).fill(1)
      input[K + 2] = bad
      await expect(calls.int8Matmul(input, int8())).rejects.toThrow(
        new RangeError(`int8Matmul: row 1 of the input holds ${bad}; rows that are quantized to int8 must be finite`),
      )
    }
  })
  it('are read when the call is made', async () => {
    const input = ones.slice()
    const answer = calls.denseMatmul(input, dense(new Float32Array(N * K).fill(1)))
    input.fill(100)
    expect([...(await answer)]).toEqual([8, 8, 8, 8])
  })
})

describe('options', () => {
  it('have names that are known', async () => {
    const weight = dense(new Float32Array(N * K).fill(-1))
    const ask = (options: object) => calls.denseMatmul(ones, weight, options as LinearOptions)
    for (const activation of ['GELU', 'swish', 'toString', 1])
      await expect(ask({ activation })).rejects.toThrow(
        /activation '\w+' is not known; expected one of none, gelu, tanh/,
      )
    await expect(ask({ activations: 'gelu' })).rejects.toThrow(/'activations' is not known; expected bias, activation/)
    await expect(ask({ bias: [1, 2, 3, 4] })).rejects.toThrow(/the bias is Array, expected Float32Array/)
  })
  it('of the device are whole numbers and known names', async () => {
    for (const threads of [1.5, 0, -1, NaN, '2', 1e6])
      await expect(createWasmDevice({ threads: threads as number })).rejects.toThrow(
        /^wasm: threads is .*, expected a whole number from 1 to 64/,
      )
    await expect(createWasmDevice({ build: 'fast' } as unknown as WasmDeviceOptions)).rejects.toThrow(
      /build 'fast' is not known; expected auto, baseline, relaxed/,
    )
    await expect(createWasmDevice({ int8: 's16' } as unknown as WasmDeviceOptions)).rejects.toThrow(
      /int8 's16' is not known; expected auto, /,
    )
    await expect(createWasmDevice({ shareFrom: NaN })).rejects.toThrow(/shareFrom is NaN, expected a number from 0/)
  })
})
