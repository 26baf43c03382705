// A layer of `bench kernels` as its contenders in pages make it, and what they have in common.

import type { Contender, Description, LinearTask } from '../lib/contender.ts'
import { transposed } from '../lib/exports.ts'
import { linearCases, type KernelCase } from './cases.ts'

/** Weight of a dense layer, [N, K] row-major; s8 has a scale per output. */
export type DenseLeaf = { kind: 'f32'; data: Float32Array } | { kind: 'int8'; data: Int8Array; scales: Float32Array }

/** Operands of a dense layer: x W^T + bias with x [M, K] row-major. */
export interface Layer {
  M: number
  N: number
  K: number
  rows: Float32Array
  weight: DenseLeaf
  bias: Float32Array
}

export function caseOf({ shape, ops, op }: LinearTask): KernelCase {
  for (const kernel of linearCases(shape, ops)) if (kernel.op === op) return kernel
  throw new Error(`bench: no kernel '${op}' among ${ops.join(', ')}`)
}

function layerOf(task: LinearTask): Layer {
  const { program, batch } = caseOf(task)
  const [op] = program.ops
  if (op.kind !== 'linear' || !op.bias || (op.weight.kind !== 'f32' && op.weight.kind !== 'int8'))
    throw new Error(`bench: '${task.op}' is no dense layer`)
  const { M, N, K } = task.shape
  if (!(batch.rows instanceof Float32Array)) throw new Error(`bench: '${task.op}' takes no f32 rows`)
  return { M, N, K, rows: batch.rows, weight: op.weight, bias: op.bias }
}

/** An f32 weight as [K, N], for peers that compute x W. */
export function transposedWeight({ N, K, weight }: Layer): Float32Array<ArrayBuffer> {
  if (weight.kind !== 'f32') throw new Error('bench: this peer has no int8 product')
  return transposed(weight.data, N, K)
}

/** What a peer does with a layer: each run takes the rows from a JavaScript array and gives the result as one. */
export interface LayerRunner {
  run(): Promise<Float32Array>
  dispose(): void
  threads: number
  notes: string[]
}

export function layerContender(
  engine: string,
  engineVersion: string,
  open: (layer: Layer, threads: number) => Promise<LayerRunner>,
): Contender<LinearTask, null> {
  let runner: LayerRunner | null = null
  let result = new Float32Array(0)
  return {
    async prepare(task) {
      runner = await open(layerOf(task), task.threads)
    },
    feed: async () => {},
    async run() {
      result = (await runner!.run()) as Float32Array<ArrayBuffer>
    },
    finish: async () => result,
    dispose: async () => runner?.dispose(),
    describe: (): Description => ({
      engine,
      engineVersion,
      device: 'cpu',
      threads: runner!.threads,
      notes: runner!.notes,
    }),
  }
}
