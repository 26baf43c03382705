import { describe, expect, it } from 'vitest'
import { runReference } from '../../kernels/reference.ts'
import { randomWeight } from '../../kernels/testing/weights.ts'
import { bytes, seededRandom, uniform } from '../../kernels/testing/random.ts'
import type {
  CsrWeight,
  DenseWeight,
  Int8BlockWeight,
  Int8Weight,
  LinearWeight,
} from '../../kernels/program/weights.ts'
import { syntheticWeight } from '../../testing/models.ts'
import { createKernelCalls } from './kernel-calls.ts'
import { linearProgram } from '../../kernels/program/linear-program.ts'
import { referenceDevice } from '../../testing/reference-device.ts'

const [M, N, K] = [3, 10, 16]
const random = seededRandom(11)
const input = uniform(M * K, random)
const bias = uniform(N, random)

/** y = x W^T + bias, from the weight's law alone. */
function expected(x: Float32Array, weight: LinearWeight): number[] {
  const columns: number[][] = weight.kind === 'chain' ? [] : denseRows(weight)
  if (weight.kind === 'chain') {
    const [a, b] = weight.factors.map((factor) => denseRows(factor))
    for (let n = 0; n < N; n++)
      columns.push(Array.from({ length: K }, (_, k) => a.reduce((sum, row, r) => sum + b[n][r] * row[k], 0)))
  }
  const y: number[] = []
  for (let m = 0; m < M; m++)
    for (let n = 0; n < N; n++) y.push(columns[n].reduce((sum, w, k) => sum + w * x[m * K + k], bias[n]))
  return y
}

function denseRows(weight: LinearWeight): number[][] {
  const rows = Array.from({ length: weight.N }, () => new Array<number>(weight.K).fill(0))
  if (weight.kind === 'f32') rows.forEach((row, n) => row.forEach((_, k) => (row[k] = weight.data[n * weight.K + k])))
  if (weight.kind === 'int8')
    rows.forEach((row, n) => row.forEach((_, k) => (row[k] = weight.scales[n] * weight.data[n * weight.K + k])))
  if (weight.kind === 'csr')
    rows.forEach((row, n) => {
      for (let z = weight.rowOffsets[n]; z < weight.rowOffsets[n + 1]; z++) row[weight.columns[z]] = weight.values[z]
    })
  return rows
}

describe('kernels on plain arrays', () => {
  it('keep every weight that a call still waits for, however many there are', async () => {
    const device = referenceDevice()
    const calls = createKernelCalls(() => Promise.resolve(device))
    const weights = Array.from({ length: 70 }, () => randomWeight('f32', N, K, random) as DenseWeight)
    const all = await Promise.all(weights.map((weight) => calls.denseMatmul(input, weight)))
    expect(all.every((y) => y.length === M * N)).toBe(true)
    expect(device.log.sessions).toBe(64)
    await calls.dispose()
    expect(device.log.sessions).toBe(0)
  })

  it('compute what their weights say', async () => {
    const calls = createKernelCalls(() => Promise.resolve(referenceDevice()))
    const dense = randomWeight('f32', N, K, random) as DenseWeight
    const csr = randomWeight('csr', N, K, random) as CsrWeight
    const chain = syntheticWeight('chain', N, K, random)
    const close = (y: Float32Array, weight: LinearWeight) => {
      const wanted = expected(input, weight)
      expect(y.length).toBe(wanted.length)
      y.forEach((value, i) => expect(value).toBeCloseTo(wanted[i], 5))
    }
    close(await calls.denseMatmul(input, dense, { bias }), dense)
    close(await calls.sparseMatmul(input, csr, { bias }), csr)
    if (chain.kind !== 'chain') throw new Error('expected a chain')
    close(await calls.lowRankLinear(input, chain, { bias }), chain)
    const int8 = randomWeight('int8', N, K, random) as Int8Weight
    const rows = { data: bytes(M * K, random), scales: Float32Array.of(0.1, 0.2, 0.3) }
    const values = Float32Array.from(rows.data, (q, i) => q * rows.scales[Math.floor(i / K)])
    const wanted = expected(values, int8)
    const y = await calls.int8Matmul(rows, int8, { bias })
    y.forEach((value, i) => expect(Math.abs(value - wanted[i])).toBeLessThan(1e-4 * Math.max(1, Math.abs(wanted[i]))))
    const blocks = randomWeight('int8-1x4', N, K, random) as Int8BlockWeight
    const gelu = await calls.sparseMatmul(input, blocks, { activation: 'gelu' })
    const batch = { offsets: Int32Array.of(0, M), rows: input }
    expect(gelu).toEqual(Float32Array.from(runReference(linearProgram(blocks, null, 'gelu'), batch)))
    expect(await calls.denseMatmul(new Float32Array(0), dense)).toEqual(new Float32Array(0))
    await calls.dispose()
  })

  it('keep a weight on the device between calls, at most 64 of them, and let go of all', async () => {
    const device = referenceDevice()
    let made = 0
    const calls = createKernelCalls(() => {
      made++
      return Promise.resolve(device)
    })
    const weight = randomWeight('f32', N, K, random) as DenseWeight
    await Promise.all([calls.denseMatmul(input, weight), calls.denseMatmul(input, weight)])
    expect([made, device.log.sessions]).toEqual([1, 1])
    await calls.denseMatmul(input, weight, { activation: 'tanh' })
    expect(device.log.sessions).toBe(2)
    for (let i = 0; i < 70; i++) await calls.denseMatmul(input, randomWeight('f32', N, K, random) as DenseWeight)
    expect(device.log.sessions).toBe(64)
    await calls.dispose()
    expect(device.log).toMatchObject({ sessions: 0, disposed: true })
    await calls.denseMatmul(input, weight)
    expect(made).toBe(2)
  })

  it('say what does not fit', async () => {
    const calls = createKernelCalls(() => Promise.resolve(referenceDevice()))
    const weight = randomWeight('f32', N, K, random) as DenseWeight
    await expect(calls.denseMatmul(new Float32Array(17), weight)).rejects.toThrow(
      /17 elements, expected a multiple of K = 16/,
    )
    await expect(calls.denseMatmul(input, weight, { bias: new Float32Array(3) })).rejects.toThrow(
      /bias has 3 elements, expected N = 10/,
    )
    await expect(calls.int8Matmul(input, weight as unknown as Int8Weight)).rejects.toThrow(/kind 'f32', expected int8/)
    const rows = { data: new Int8Array(M * K), scales: new Float32Array(1) }
    await expect(calls.denseMatmul(rows as unknown as Float32Array, weight)).rejects.toThrow(
      /s8 rows need an int8 weight/,
    )
    const int8 = randomWeight('int8', N, K, random) as Int8Weight
    await expect(calls.int8Matmul(rows, int8)).rejects.toThrow(/1 input scales, expected one for each of 3 rows/)
    const broken = { ...weight, data: weight.data.subarray(1) }
    await expect(calls.denseMatmul(input, broken)).rejects.toThrow(/denseMatmul: f32 weight \[10, 16\] is not valid/)
    const failing = createKernelCalls(() => Promise.reject(new Error('no device')))
    await expect(failing.denseMatmul(input, weight)).rejects.toThrow(/no device/)
    await failing.dispose()
  })
})
