// Rows of f32 brought into token blocks for ops that read those (assembly/sparse-matmul.ts, `transpose`).

import type { BufferId } from '../program/program.ts'
import { BLOCK_PADDING, type EncodeContext } from './lowering.ts'
import { TRANSPOSE } from './opcodes.ts'

const FORM = 'token blocks'

/** What `tokenBlocks` needs for so many rows of K inputs. */
export function blocksForm(rows: number, K: number): { form: string; formBytes: number } {
  return { form: FORM, formBytes: (rows + BLOCK_PADDING) * K * 4 }
}

/** Address of buffer `id` in token blocks, which it is brought into where it stands in rows. */
export function tokenBlocks({ tape, buffer, derived }: EncodeContext, id: BufferId): number {
  const x = buffer(id)
  if (x.isBlocked) return x.address
  return derived(id, FORM, (target) =>
    tape.record(TRANSPOSE, [x.rows, x.width, x.address, target], [x.address], [target]),
  )
}
