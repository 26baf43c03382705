// Which buffers of a program may share memory: a buffer lives from the op that first writes it to the last that touches it.
// And what of an op's output is read at all.

import type { BufferId } from '../program/program.ts'
import { inputsOf, type StoredProgram } from '../program/stored-weights.ts'

export interface Slot {
  rows: 'tokens' | 'sequences'
  /** f32 elements per row, of the widest buffer that uses it */
  width: number
}

/** Slot index of every buffer (-1: unused) and the slots. Program input and output keep theirs for the whole program. */
export function assignSlots(program: StoredProgram): { slotOf: number[]; slots: Slot[] } {
  const { buffers, ops } = program
  const first = new Array<number>(buffers.length).fill(Infinity)
  const last = new Array<number>(buffers.length).fill(-1)
  const touch = (id: BufferId, at: number): void => {
    if (!buffers[id]) throw new Error(`program: op ${at} names buffer ${id}, of ${buffers.length}`)
    first[id] = Math.min(first[id], at)
    last[id] = Math.max(last[id], at)
  }
  ops.forEach((op, at) => {
    for (const id of inputsOf(op)) {
      if (id === op.output) throw new Error(`program: op ${at} (${op.kind}) writes buffer ${id}, which it reads`)
      if (first[id] === Infinity && id !== program.input)
        throw new Error(`program: op ${at} (${op.kind}) reads buffer '${buffers[id]?.name ?? id}' before it is written`)
      touch(id, at)
    }
    touch(op.output, at)
  })
  if (first[program.output] === Infinity) throw new Error('program: no op writes its output')
  if (program.input !== 'ids') touch(program.input, 0)
  last[program.output] = ops.length
  const slotOf = new Array<number>(buffers.length).fill(-1)
  const slots: (Slot & { freeAfter: number })[] = []
  const byBirth = buffers.map((_, id) => id).filter((id) => last[id] >= 0)
  byBirth.sort((a, b) => first[a] - first[b])
  for (const id of byBirth) {
    const { rows, width } = buffers[id]
    const candidates = slots.filter((slot) => slot.rows === rows && slot.freeAfter < first[id])
    // the narrowest that is wide enough, else the widest there is
    candidates.sort(
      (a, b) =>
        Number(b.width >= width) - Number(a.width >= width) ||
        (a.width >= width ? a.width - b.width : b.width - a.width),
    )
    let slot = candidates[0]
    if (!slot) slots.push((slot = { rows, width, freeAfter: -1 }))
    slot.width = Math.max(slot.width, width)
    slot.freeAfter = last[id]
    slotOf[id] = slots.indexOf(slot)
  }
  return { slotOf, slots }
}

/** Whether no op reads other rows of what op `at` writes than the first ones of sequences. */
export function isReadAtFirstRows({ ops, output }: StoredProgram, at: number): boolean {
  const written = ops[at].output
  for (const op of ops.slice(at + 1)) {
    if (inputsOf(op).includes(written) && op.kind !== 'first-token') return false
    if (op.output === written) return true
  }
  return written !== output
}
