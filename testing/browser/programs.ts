// Small programs that hold every kernel kind, the same in the browser and in Node.

import type { Device } from '../../kernels/program/device.ts'
import type { Batch, BufferSpec, Op, Program } from '../../kernels/program/program.ts'
import type { LeafWeight } from '../../kernels/program/weights.ts'
import { seededRandom, uniform } from '../../kernels/testing/random.ts'
import { randomWeight } from '../../kernels/testing/weights.ts'

export interface KernelProgram {
  name: string
  program: Program
  batch: Batch
}

export interface KernelOutput {
  name: string
  values: number[]
}

const tokens = (name: string, width: number): BufferSpec => ({ name, rows: 'tokens', width, dtype: 'f32' })
const sequences = (name: string, width: number): BufferSpec => ({ name, rows: 'sequences', width, dtype: 'f32' })

const M = 19
const K = 64
const N = 48

/** One program for each kind of linear, and one for each other op. */
export function kernelPrograms(): KernelProgram[] {
  const random = seededRandom(11)
  const offsets = Int32Array.of(0, 5, 6, M)
  const batch: Batch = { offsets, rows: uniform(M * K, random) }
  const bias = uniform(N, random)
  const gamma = uniform(K, random)
  const beta = uniform(K, random)
  const one = (name: string, op: Op, buffers: BufferSpec[]): KernelProgram => ({
    name,
    program: { buffers, ops: [op], input: 0, output: 1 },
    batch,
  })
  const kinds = ['f32', 'int8', 'csr', 'csr in tiles', 'int8-1x4', 'int8-1x4 in tiles', 'nm'] as const
  const linears = kinds.map((name) => {
    const [kind, tiles] = name.split(' in ') as [LeafWeight['kind'], string?]
    const weight = randomWeight(kind, N, K, random, { density: 0.4, tiles: tiles !== undefined })
    return one(name, { kind: 'linear', input: 0, output: 1, weight, bias, activation: 'gelu', residual: null }, [
      tokens('x', K),
      tokens('y', N),
    ])
  })
  const same = [tokens('x', K), tokens('y', K)]
  const pooled = [tokens('x', K), sequences('y', K)]
  const table = (rows: number): { kind: 'f32'; rows: number; width: number; data: Float32Array } => ({
    kind: 'f32',
    rows,
    width: K,
    data: uniform(rows * K, random),
  })
  const embedding: Op = {
    kind: 'embedding',
    word: table(40),
    position: table(16),
    type: table(2),
    gamma,
    beta,
    epsilon: 1e-12,
    output: 0,
  }
  return [
    ...linears,
    one('layernorm', { kind: 'layernorm', input: 0, residual: 0, output: 1, gamma, beta, epsilon: 1e-12 }, same),
    one(
      'attention',
      { kind: 'attention', query: 0, key: 0, value: 0, output: 1, heads: 4, headSize: 16, distanceBias: null },
      same,
    ),
    one('first-token', { kind: 'first-token', input: 0, output: 1 }, pooled),
    one('mean-pool', { kind: 'mean-pool', input: 0, output: 1, normalize: true }, pooled),
    {
      name: 'embedding',
      program: { buffers: [tokens('y', K)], ops: [embedding], input: 'ids', output: 0 },
      batch: {
        offsets,
        ids: Int32Array.from({ length: M }, () => Math.floor(random() * 40)),
        types: new Int32Array(M),
      },
    },
  ]
}

/** Runs each program once. */
export async function rowsOf(device: Device, programs: KernelProgram[]): Promise<KernelOutput[]> {
  const outputs: KernelOutput[] = []
  for (const { name, program, batch } of programs) {
    const session = await device.load(program)
    outputs.push({ name, values: Array.from(await session.run(batch)) })
    session.dispose()
  }
  return outputs
}
