// Sparse layers, LayerNorm and first-token in token blocks: between two identities in CSR, which read and write blocks, an
// op computes what it computes on rows, bit for bit or within its own bound.

import { describe, expect, it } from 'vitest'
import { referenceWithBounds } from '../reference.ts'
import type { Device } from '../program/device.ts'
import type { Batch, BufferSpec, Op, Program } from '../program/program.ts'
import type { CsrWeight } from '../program/weights.ts'
import { assertExact, assertWithin } from '../testing/compare.ts'
import { WASM_DEVICES } from '../testing/devices.ts'
import { assertNoDemotion } from '../testing/program.ts'
import { seededRandom, uniform } from '../testing/random.ts'
import { sweepShapes } from '../testing/shapes.ts'
import { deviceOf } from '../testing/suite.ts'
import { K_MULTIPLE, randomWeight } from '../testing/weights.ts'

const KINDS = ['csr', 'nm'] as const
const SEED = 1

/** y = x: in token blocks on both sides where its neighbours are. */
function identity(width: number): CsrWeight {
  return {
    kind: 'csr',
    N: width,
    K: width,
    rowOffsets: Uint32Array.from({ length: width + 1 }, (_, i) => i),
    columns: Uint16Array.from({ length: width }, (_, i) => i),
    values: new Float32Array(width).fill(1),
  }
}

const linear = (input: number, output: number, weight: Extract<Op, { kind: 'linear' }>['weight']): Op => ({
  kind: 'linear',
  input,
  output,
  weight,
  bias: null,
  activation: 'none',
  residual: null,
})

/** ops over buffers of those widths, a row per token; the last op writes the last buffer. */
function program(widths: number[], ops: Op[], rows: BufferSpec['rows'][] = []): Program {
  const buffers = widths.map((width, i): BufferSpec => ({
    name: `b${i}`,
    rows: rows[i] ?? 'tokens',
    width,
    dtype: 'f32',
  }))
  return { buffers, ops, input: 0, output: widths.length - 1 }
}

async function run(device: Device, toRun: Program, batch: Batch): Promise<Float32Array> {
  const session = await device.load(toRun, { guard: true })
  try {
    const output = await session.run(batch)
    assertNoDemotion(device)
    expect(await session.checkGuards()).toEqual([])
    return output
  } finally {
    session.dispose()
  }
}

describe.each(WASM_DEVICES)(`token blocks on $name, seed ${SEED}`, (testDevice) => {
  it.each(KINDS)('%s reads and writes them as it reads and writes rows, bit for bit', async (kind) => {
    const device = await deviceOf(testDevice)
    for (const [i, shape] of sweepShapes().entries()) {
      const { M, N } = shape
      const K = Math.ceil(shape.K / K_MULTIPLE[kind]) * K_MULTIPLE[kind]
      const random = seededRandom(SEED + M * 7919 + N * 104729 + K)
      const op = {
        ...linear(0, 1, randomWeight(kind, N, K, random)),
        bias: i % 2 ? uniform(N, random) : null,
        activation: (['none', 'gelu', 'tanh'] as const)[i % 3],
      } as Extract<Op, { kind: 'linear' }>
      const batch: Batch = { offsets: Int32Array.of(0, M), rows: uniform(M * K, random) }
      const onRows = await run(device, program([K, N], [op]), batch)
      const between = program(
        [K, K, N, N],
        [linear(0, 1, identity(K)), { ...op, input: 1, output: 2 }, linear(2, 3, identity(N))],
      )
      assertExact(await run(device, between, batch), onRows, `${kind} ${M}x${K}x${N}`)
    }
  })
  it('LayerNorm keeps its bound, with a residual in blocks, in rows or none', async () => {
    const device = await deviceOf(testDevice)
    const sizes = [
      ...[1, 2, 3, 4, 5, 8, 9, 16, 17, 24, 25, 32, 33, 40, 63, 64, 65].map((M) => [M, 12]),
      ...[3, 4, 5, 7, 8, 9, 31, 64, 384, 768].map((C) => [21, C]),
    ]
    for (const [i, [M, C]] of sizes.entries()) {
      const random = seededRandom(SEED + M * 7919 + C)
      const norm: Op = {
        kind: 'layernorm',
        input: 1,
        residual: [1, 0, null][i % 3],
        output: 2,
        gamma: uniform(C, random),
        beta: uniform(C, random),
        epsilon: 1e-12,
      }
      const batch: Batch = { offsets: Int32Array.of(0, M), rows: uniform(M * C, random) }
      const between = program([C, C, C, C], [linear(0, 1, identity(C)), norm, linear(2, 3, identity(C))])
      const expected = referenceWithBounds(
        program([C, C], [{ ...norm, input: 0, residual: norm.residual === null ? null : 0, output: 1 }]),
        batch,
      )
      assertWithin(await run(device, between, batch), expected.values, expected.bounds, `LayerNorm ${M}x${C}`)
    }
  })
  it('first-token finds the rows of sequences of any lengths', async () => {
    const device = await deviceOf(testDevice)
    for (const lengths of [[1], [1, 1], [3, 5, 2], [31, 1, 1], [32, 32, 7], [9, 40, 16, 1, 24]]) {
      const C = 10
      const offsets = Int32Array.from([0, ...lengths]).map((_, i) => lengths.slice(0, i).reduce((a, b) => a + b, 0))
      const M = offsets[lengths.length]
      const rows = uniform(M * C, seededRandom(SEED + M))
      const first: Op = { kind: 'first-token', input: 1, output: 2 }
      const between = program([C, C, C], [linear(0, 1, identity(C)), first], ['tokens', 'tokens', 'sequences'])
      const expected = lengths.flatMap((_, b) => [...rows.subarray(offsets[b] * C, (offsets[b] + 1) * C)])
      assertExact(await run(device, between, { offsets, rows }), expected, `lengths ${lengths.join()}`)
    }
  })
})
