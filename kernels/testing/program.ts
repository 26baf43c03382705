// One program of one op on one device against its reference, guards included.

import { referenceWithBounds } from '../reference.ts'
import type { Device } from '../program/device.ts'
import type { Batch, Program } from '../program/program.ts'
import { assertWithin } from './compare.ts'
import { seededRandom } from './random.ts'

/** Sequences of those lengths of seeded ids below `vocabulary`. */
export function batchOf(lengths: number[], vocabulary: number, seed: number): Batch {
  const random = seededRandom(seed)
  const offsets = new Int32Array(lengths.length + 1)
  lengths.forEach((length, b) => (offsets[b + 1] = offsets[b] + length))
  const ids = Int32Array.from({ length: offsets[lengths.length] }, () => Math.floor(random() * vocabulary))
  return { offsets, ids, types: ids.map((id) => id % 2) }
}

/** Throws where a kernel was demoted: its fall-back would pass in its place. */
export function assertNoDemotion(device: Device): void {
  const { notes } = device.info()
  if (notes.length > 0) throw new Error(`${device.info().name}: ${notes.join('; ')}`)
}

export async function checkProgram(device: Device, program: Program, batch: Batch, label: string): Promise<void> {
  const session = await device.load(program, { guard: true })
  try {
    const expected = referenceWithBounds(program, batch)
    const actual = await session.run(batch)
    assertNoDemotion(device)
    assertWithin(actual, expected.values, expected.bounds, `${device.info().name} ${label}`)
    const damage = await session.checkGuards()
    if (damage.length > 0) throw new Error(`${device.info().name} ${label}: ${damage.join('; ')}`)
  } finally {
    session.dispose()
  }
}
