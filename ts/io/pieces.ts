// A file that came over the network, in the pieces in which it came: a copy into one array would be a second one in
// memory, and pieces can be let go as they are read.

import type { ByteSource } from './safetensors.ts'

/** The file whose contents are `pieces`, one after the other. The list becomes the source's own. */
export function piecesSource(pieces: (Uint8Array | null)[], name: string): ByteSource {
  /** where each piece begins, and how many of its bytes were not released */
  const starts: number[] = []
  const held: number[] = []
  let size = 0
  for (const piece of pieces) {
    starts.push(size)
    held.push(piece!.length)
    size += piece!.length
  }
  /** Calls `visit` with each piece of a range and the range's part in it. */
  const walk = (position: number, length: number, visit: (at: number, from: number, to: number) => void): void => {
    let [low, high] = [0, starts.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (starts[middle] <= position) low = middle
      else high = middle - 1
    }
    for (let at = low; at < starts.length && starts[at] < position + length; at++) {
      const end = at + 1 < starts.length ? starts[at + 1] : size
      visit(at, Math.max(position, starts[at]) - starts[at], Math.min(position + length, end) - starts[at])
    }
  }
  return {
    name,
    size,
    read: async (position, into) => {
      walk(position, into.length, (at, from, to) => {
        const piece = pieces[at]
        if (!piece) throw new Error(`${name}: byte ${starts[at] + from} was read before and is no longer held`)
        into.set(piece.subarray(from, to), starts[at] + from - position)
      })
    },
    release: (position, length) =>
      walk(position, length, (at, from, to) => {
        held[at] -= to - from
        if (held[at] === 0) pieces[at] = null
      }),
    close: async () => void pieces.fill(null),
  }
}
