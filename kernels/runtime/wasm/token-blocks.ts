// Rows of f32 brought into token blocks for ops that read those (assembly/sparse-matmul.ts, `transpose`).

import type { BufferId } from '../program.ts'
import { BLOCK_PADDING, type BatchShape, type EncodeContext } from './lowering.ts'
import { TRANSPOSE } from './opcodes.ts'

const FORM = 'token blocks'

/** What `tokenBlocks` needs of a buffer of K inputs that stands in rows. */
export function blocksForm({ tokens, sequences }: BatchShape, K: number): { form: string; formBytes: number } {
  return { form: FORM, formBytes: (Math.max(tokens, sequences) + BLOCK_PADDING) * K * 4 }
}

/** Address of buffer `id` in token blocks, which it is brought into where it stands in rows. */
export function tokenBlocks({ tape, buffer, derived }: EncodeContext, id: BufferId): number {
  const x = buffer(id)
  if (x.isBlocked) return x.address
  return derived(id, FORM, (target) =>
    tape.record(TRANSPOSE, [x.rows, x.width, x.address, target], [x.address], [target]),
  )
}
