// From an op of a program to the room that lowers it.

import { lowerDenseMatmul } from '../dense-matmul/wasm.ts'
import type { Op, Program } from '../runtime/program.ts'
import type { LoadContext, Lowered } from '../runtime/wasm/lowering.ts'

/**
 * Packs an op's weights and returns how to encode it.
 *
 * @param shared weights already placed by this session, so that a table used twice is packed once
 * @throws Error where shapes of the op and its buffers do not fit
 */
export function lowerOp(
  op: Op,
  name: string,
  load: LoadContext,
  program: Program,
  shared: Map<object, number>,
): Lowered {
  void shared
  switch (op.kind) {
    case 'linear': {
      const { weight } = op
      const [input, output] = [program.buffers[op.input], program.buffers[op.output]]
      if (input.width !== weight.K || output.width !== weight.N)
        throw new Error(
          `${name}: ${weight.kind} weight [${weight.N}, ${weight.K}] between rows of ${input.width} and ${output.width}`,
        )
      if (weight.kind === 'f32') return lowerDenseMatmul(op, weight, name, load)
    }
  }
  throw new Error(`${name}: not there`)
}
