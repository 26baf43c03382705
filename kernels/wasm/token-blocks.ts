// Rows of f32 brought into token blocks for ops that read those (assembly/sparse-matmul.ts, `transpose`).

import type { BufferId } from '../program/program.ts'
import { BLOCK_PADDING, TRANSPOSE } from './abi.ts'
import type { EncodeContext } from './lowered.ts'

const COPY = 'token blocks'

/** What `tokenBlocks` needs for so many rows of K inputs. */
export function blocksCopy(rows: number, K: number): { copy: string; copyBytes: number } {
  return { copy: COPY, copyBytes: (rows + BLOCK_PADDING) * K * 4 }
}

/** Address of buffer `id` in token blocks, which it is brought into where it is in rows. */
export function tokenBlocks({ tape, buffer, derived }: EncodeContext, id: BufferId): number {
  const x = buffer(id)
  if (x.isBlocked) return x.address
  return derived(id, COPY, (target) =>
    tape.record(TRANSPOSE, { M: x.rows, K: x.width, x: x.address, target }, [x.address], [target]),
  )
}
