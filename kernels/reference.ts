// Runs a program in float64 with the operations' references: the oracle for both backends. Slow and plain on purpose.

import { attentionReference } from './attention/reference.ts'
import { denseMatmulReference, type Epilogue, type Referenced } from './dense-matmul/reference.ts'
import { embeddingReference } from './embedding/reference.ts'
import { int8MatmulReference, quantizeRowsReference, type QuantizedRows } from './int8-matmul/reference.ts'
import { firstTokenReference, layernormReference, meanPoolReference } from './row-ops/reference.ts'
import { checkBatch, type Batch, type BufferId, type Op, type Program } from './program/program.ts'
import { placePositions } from './program/positions.ts'
import { isInt8 } from './program/weights.ts'
import { csrMatmulReference, int8BlockMatmulReference, nmMatmulReference } from './sparse-matmul/reference.ts'

/** The program's output, f64 [rows, width]. */
export function runReference(program: Program, batch: Batch): Float64Array {
  return referenceWithBounds(program, batch).values
}

/** As `runReference`, where every op's output is what `change` makes of it: how far errors of the ops reach. */
export function runChangedReference(program: Program, batch: Batch, change: Change): Float64Array {
  const last = walk(program, batch, change).at(-1)
  if (!last) throw new Error('program: no op writes its output')
  return last.values
}

/** What takes the place of the output of op number `i`. */
type Change = (made: Referenced, i: number, op: Op) => ArrayLike<number>

/**
 * The output with the last op's own error bounds: for a program of one op they are the bounds a kernel must keep;
 * for longer programs earlier errors are not in them.
 */
export function referenceWithBounds(program: Program, batch: Batch): Referenced {
  const last = walk(program, batch, null).at(-1)
  if (!last) throw new Error('program: no op writes its output')
  return last
}

/**
 * What each op should give from what a device gave in the ops before it, with the op's own bounds: they hold for every op of a
 * longer program too.
 * @param outputs f32 of each op, as the device has it
 */
export const referenceOfEachOp = (
  program: Program,
  batch: Batch,
  outputs: readonly ArrayLike<number>[],
): Referenced[] => walk(program, batch, (_, i) => outputs[i])

function walk(asGiven: Program, given: Batch, change: Change | null): Referenced[] {
  const { program, place } = placePositions(asGiven)
  const batch = place ? place(given) : given
  checkBatch(program, batch)
  const buffers = new Map<BufferId, ArrayLike<number> | QuantizedRows>()
  if (program.input !== 'ids' && batch.rows) buffers.set(program.input, batch.rows)
  const ofInt8 = new Set<BufferId>()
  return program.ops.map((op, i) => {
    const made = runOp(op, batch, buffers, ofInt8)
    if (op.kind === 'linear' && isInt8(op.weight)) ofInt8.add(op.output)
    else ofInt8.delete(op.output)
    buffers.set(op.output, change ? change(made, i, op) : made.values)
    return made
  })
}

/** @param ofInt8 buffers that hold the output of an int8 layer */
function runOp(
  op: Op,
  batch: Batch,
  buffers: Map<BufferId, ArrayLike<number> | QuantizedRows>,
  ofInt8: Set<BufferId>,
): Referenced {
  const floats = (id: BufferId): ArrayLike<number> => {
    const rows = buffers.get(id)
    if (!rows || 'scales' in rows) throw new Error(`${op.kind}: buffer ${id} holds no f32 rows yet`)
    return rows
  }
  const { offsets } = batch
  switch (op.kind) {
    case 'embedding':
      return embeddingReference(op, batch.ids!, batch.types!, offsets)
    case 'layernorm':
      return layernormReference(
        floats(op.input),
        op.residual === null ? null : floats(op.residual),
        op.gamma,
        op.beta,
        op.epsilon,
      )
    case 'attention': {
      const { heads, headSize, distanceBias } = op
      // with a bias every backend computes in f32
      const mayRound = !distanceBias && [op.query, op.key, op.value].every((id) => ofInt8.has(id))
      const [q, k, v] = [floats(op.query), floats(op.key), floats(op.value)]
      return attentionReference(q, k, v, offsets, heads, headSize, distanceBias, mayRound)
    }
    case 'first-token':
    case 'mean-pool': {
      const input = floats(op.input)
      const C = input.length / offsets[offsets.length - 1]
      return op.kind === 'first-token'
        ? firstTokenReference(input, C, offsets)
        : meanPoolReference(input, C, offsets, op.normalize)
    }
    case 'linear': {
      const { weight } = op
      const epilogue: Epilogue = {
        bias: op.bias,
        activation: op.activation,
        residual: op.residual === null ? null : floats(op.residual),
      }
      if (weight.kind === 'int8' || weight.kind === 'int8-1x4') {
        const input = buffers.get(op.input)!
        const { K, activationScale } = weight
        const rows = 'scales' in input ? input : quantizeRowsReference(input, input.length / K, K, activationScale)
        return weight.kind === 'int8'
          ? int8MatmulReference(rows, weight, epilogue)
          : int8BlockMatmulReference(rows, weight, epilogue)
      }
      const input = floats(op.input)
      if (weight.kind === 'f32') return denseMatmulReference(input, weight, epilogue)
      const M = input.length / weight.K
      return weight.kind === 'csr'
        ? csrMatmulReference(input, weight, M, epilogue)
        : nmMatmulReference(input, weight, M, epilogue)
    }
  }
}
