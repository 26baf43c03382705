// From an op of a program to the operation that lowers it, with a check that buffers and weights fit each other.

import { lowerAttention } from '../attention/wasm.ts'
import { lowerDenseMatmul } from '../dense-matmul/wasm.ts'
import type { PlacedTable } from '../embedding/pack.ts'
import { lowerEmbedding } from '../embedding/wasm.ts'
import { lowerInt8Matmul } from '../int8-matmul/wasm.ts'
import { lowerLayernorm, lowerPooling } from '../row-ops/wasm.ts'
import { activationCode } from '../program/activations.ts'
import type { BufferId, Op } from '../program/program.ts'
import { inputsOf, type StoredEmbeddingOp, type StoredOp, type StoredProgram } from '../program/stored-weights.ts'
import type { LoadContext, Lowered } from './lowered.ts'
import { isInt8 } from '../program/weights.ts'
import { isReadAtFirstRows } from './liveness.ts'
import { lowerCsrMatmul, lowerInt8BlockMatmul, lowerNmMatmul } from '../sparse-matmul/wasm.ts'

/** An op as it is packed: tables are read into their place, other weights were read before. */
export type PackableOp = Exclude<Op, { kind: 'embedding' }> | StoredEmbeddingOp

/** What the ops lowered so far have left. */
export interface Before {
  /** embedding tables placed by this session */
  tables: Map<object, PlacedTable>
  /** buffers that hold the output of an int8 layer */
  ofInt8: Set<BufferId>
  /** where linear layers are, in the order in which their arrays were placed: by the weight as the program has it, by bias */
  weights: Map<object, Map<object | null, number[]>>
}

/**
 * Packs an op's weights and returns how to encode it. What is returned must not hold the weights, which the host may
 * drop once they are packed: their inner functions name none of the large arrays.
 *
 * @param at its place in the program, by which weights and errors are called
 * @param before what the ops before it have left; this one adds to it
 * @throws Error where the op's buffers and weights do not fit
 */
export async function lowerOp(
  op: PackableOp,
  at: number,
  load: LoadContext,
  program: StoredProgram,
  before: Before,
): Promise<Lowered> {
  const name = `op ${at} (${op.kind})`
  checkOp(op, name, program)
  const isOfInt8 = op.kind === 'attention' && [op.query, op.key, op.value].every((id) => before.ofInt8.has(id))
  if (op.kind === 'linear' && isInt8(op.weight)) before.ofInt8.add(op.output)
  else before.ofInt8.delete(op.output)
  switch (op.kind) {
    case 'embedding':
      return lowerEmbedding(op, name, load, before.tables)
    case 'linear':
      return lowerLinear(op, name, sharing(load, program.ops[at], before.weights))
    case 'layernorm':
      return lowerLayernorm(op, name, load)
    case 'attention':
      return lowerAttention(op, { isFirstOnly: isReadAtFirstRows(program, at), isOfInt8 }, name, load)
    case 'first-token':
    case 'mean-pool':
      return lowerPooling(op)
  }
}

/**
 * Packs a layer that is applied again where it was packed before: the same weight and bias take the same places in the same
 * order, and the same bytes.
 */
function sharing(load: LoadContext, op: StoredOp, weights: Before['weights']): LoadContext {
  if (op.kind !== 'linear') return load
  const byBias = weights.get(op.weight) ?? new Map<object | null, number[]>()
  weights.set(op.weight, byBias)
  const known = byBias.get(op.bias)
  if (!known) {
    const places: number[] = []
    byBias.set(op.bias, places)
    return {
      ...load,
      allocateWeights: (name, bytes) => {
        const place = load.allocateWeights(name, bytes)
        places.push(place)
        return place
      },
    }
  }
  let next = 0
  return { ...load, allocateWeights: (name, bytes) => known[next++] ?? load.allocateWeights(name, bytes) }
}

function lowerLinear({ weight, ...op }: Extract<Op, { kind: 'linear' }>, name: string, load: LoadContext): Lowered {
  switch (weight.kind) {
    case 'f32':
      return lowerDenseMatmul(op, weight, name, load)
    case 'int8':
      return lowerInt8Matmul(op, weight, name, load)
    case 'csr':
      return lowerCsrMatmul(op, weight, name, load)
    case 'int8-1x4':
      return lowerInt8BlockMatmul(op, weight, name, load)
    case 'nm':
      return lowerNmMatmul(op, weight, name, load)
  }
}

function checkOp(op: PackableOp, name: string, program: StoredProgram): void {
  const { buffers } = program
  const expect = (id: BufferId, what: string, rows: 'tokens' | 'sequences', width: number): void => {
    const buffer = buffers[id]
    if (buffer.rows !== rows || buffer.width !== width)
      throw new Error(
        `${name}: ${what} '${buffer.name}' is [${buffer.rows}, ${buffer.width}], expected [${rows}, ${width}]`,
      )
  }
  const takesBytes = op.kind === 'linear' && isInt8(op.weight) ? op.input : null
  switch (op.kind) {
    case 'embedding':
      expect(op.output, 'output', 'tokens', op.word.width)
      if (op.position.width !== op.word.width || op.type.width !== op.word.width)
        throw new Error(`${name}: tables of width ${op.word.width}, ${op.position.width}, ${op.type.width} differ`)
      break
    case 'linear': {
      activationCode(op.activation)
      const { rows } = buffers[op.input]
      expect(op.input, 'input', rows, op.weight.K)
      expect(op.output, 'output', rows, op.weight.N)
      if (op.residual !== null) expect(op.residual, 'residual', rows, op.weight.N)
      if (op.bias && op.bias.length !== op.weight.N)
        throw new Error(`${name}: bias of ${op.bias.length} elements, expected ${op.weight.N}`)
      break
    }
    case 'layernorm': {
      const { rows, width } = buffers[op.input]
      expect(op.output, 'output', rows, width)
      if (op.residual !== null) expect(op.residual, 'residual', rows, width)
      break
    }
    case 'attention':
      for (const id of [op.query, op.key, op.value, op.output]) expect(id, 'operand', 'tokens', op.heads * op.headSize)
      break
    case 'first-token':
    case 'mean-pool':
      expect(op.input, 'input', 'tokens', buffers[op.output].width)
      expect(op.output, 'output', 'sequences', buffers[op.input].width)
  }
  for (const id of [...inputsOf(op), op.output])
    if (buffers[id].dtype === 's8' && id !== takesBytes)
      throw new Error(`${name}: buffer '${buffers[id].name}' is s8, which only the input of int8 linears may be`)
}
