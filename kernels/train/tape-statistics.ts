// What enters each linear layer in a forward pass, summed, as records: for calibration.

import { WEIGHT_GRADIENT } from '../wasm/abi.ts'
import type { TapeWriter } from '../wasm/tape.ts'
import { applicationsOf, headOf, projectionOf, type Layout } from './layout.ts'
import type { StepMemory } from './step-memory.ts'

/** Where the sums of what enters a linear layer will be. */
export interface InputSums {
  /** Linear.input */
  input: string
  K: number
  /** addresses of x^T x [K, K] and the sum of x [K] */
  gram: number
  sum: number
  /** address of each x [rows, K] */
  uses: { rows: number; x: number }[]
}

/**
 * Writes x^T x and the sum of x of what enters each linear layer, of one that is applied several times over all its uses.
 * Needs a forward pass before it, whose regions it reads by their names.
 */
export function encodeStatistics(
  tape: TapeWriter,
  { shape }: Layout,
  memory: StepMemory,
  { tokens: M, sequences: B }: { tokens: number; sequences: number },
): InputSums[] {
  const { hidden: C, layers } = shape
  const inputs: { input: string; rows: number; K: number; region: string }[] = []
  const add = (input: string, region: string, K: number, rows = M): unknown => inputs.push({ input, rows, K, region })
  const projection = projectionOf(shape)
  if (projection) add(projection.input, 'tables', projection.K)
  applicationsOf(shape).forEach((layer, a) => {
    const { heads, headSize, intermediate: F } = layers[layer]
    add(`layer.${layer}.qkv`, `x.${a}`, C)
    add(`layer.${layer}.attention`, `context.${a}`, heads * headSize)
    add(`layer.${layer}.intermediate`, `half.${a}`, C)
    add(`layer.${layer}.output`, `after.${a}`, F)
  })
  const head = headOf(shape)
  if (head) {
    add(head.pooler.input, 'first', C, B)
    add(head.classifier.input, 'pooled', C, B)
  }
  const sums = new Map<string, InputSums>()
  for (const { input, rows, K, region } of inputs) {
    const known = sums.get(input)
    const x = memory.region(region, rows * K)
    const gram = memory.region(`gram.${input}`, K * K)
    const sum = memory.region(`sum.${input}`, K)
    const product = { M: rows, N: K, K, dy: x, dyStride: K, x, dw: gram, db: sum, continues: known ? 3 : 0 }
    tape.record(WEIGHT_GRADIENT, product, [x], [gram, sum])
    if (known) known.uses.push({ rows, x })
    else sums.set(input, { input, K, gram, sum, uses: [{ rows, x }] })
  }
  return [...sums.values()]
}
