import { expect, it } from 'vitest'
import { BARRIER as BARRIER_FLAG, type RecordLayout } from './abi.ts'
import { TapeWriter } from './tape.ts'

const BARRIER = BARRIER_FLAG << 16
const head = (opcode: number): RecordLayout & { integers: []; addresses: [] } => ({
  opcode,
  integers: [],
  addresses: [],
})

/** Opcodes with their flags, in order. */
function heads(tape: TapeWriter): number[] {
  const words = tape.finish()
  const found: number[] = []
  for (let at = 0; at < words.length; at += words[at + 1]) found.push(words[at])
  return found
}

it('lets records that share an input run on, and makes readers of their outputs meet', () => {
  const tape = new TapeWriter()
  tape.record(head(1), {}, [100], [200])
  tape.record(head(1), {}, [100], [300])
  tape.record(head(2), {}, [200, 300], [400])
  tape.record(head(3), {}, [400], [500])
  expect(heads(tape)).toEqual([1, 1, 2 | BARRIER, 3 | BARRIER, 0])
  expect(tape.records).toBe(4)
})

it('makes threads meet before a region that is still read or written is written again', () => {
  const tape = new TapeWriter()
  tape.record(head(1), {}, [100], [200])
  tape.record(head(2), {}, [300], [100])
  tape.record(head(3), {}, [400], [100])
  expect(heads(tape)).toEqual([1, 2 | BARRIER, 3 | BARRIER, 0])
})

it('keeps its words when it grows, and starts afresh after reset', () => {
  const tape = new TapeWriter()
  for (let i = 0; i < 2000; i++)
    tape.record({ opcode: 1, integers: ['i'], addresses: [], reals: ['half'] }, { i, half: 0.5 }, [], [i])
  const words = tape.finish()
  expect(words.length).toBe(2000 * 4 + 2)
  expect([...words.subarray(1999 * 4, 1999 * 4 + 6)]).toEqual([1, 4, 1999, 0x3f000000, 0, 2])
  tape.reset()
  expect(heads(tape)).toEqual([0])
})
