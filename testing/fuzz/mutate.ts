// Damage to bytes and to JSON, seeded.

import type { Random } from '../../kernels/program/random.ts'

const ODD_BYTES = [0, 1, 9, 10, 13, 34, 44, 127, 128, 255]
const ODD_VALUES: readonly unknown[] = [
  null, true, -1, 0, 1, 0.5, 1e9, 2 ** 31, -(2 ** 53), 1e308, '', 'x', '../x', '__proto__', [], [1], {}, { a: 1 }, [null],
] // prettier-ignore

/** One to four changes: bits, bytes, pieces cut out, doubled or appended, the end cut off. */
export function mutateBytes(bytes: Uint8Array, random: Random, near = bytes.length): Uint8Array<ArrayBuffer> {
  let changed = Uint8Array.from(bytes)
  for (let changes = 1 + random.int(4); changes > 0 && changed.length > 0; changes--) {
    const at = random.int(Math.min(near, changed.length))
    const length = 1 + random.int(16)
    switch (random.int(6)) {
      case 0:
        changed[at] ^= 1 << random.int(8)
        break
      case 1:
        changed[at] = ODD_BYTES[random.int(ODD_BYTES.length)]
        break
      case 2:
        changed = joined(changed.subarray(0, at), changed.subarray(at + length))
        break
      case 3:
        changed = joined(changed.subarray(0, at + length), changed.subarray(at))
        break
      case 4:
        changed = joined(changed, new Uint8Array(length))
        break
      default:
        changed = changed.slice(0, at)
    }
  }
  return changed
}

const joined = (a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> => {
  const whole = new Uint8Array(a.length + b.length)
  whole.set(a)
  whole.set(b, a.length)
  return whole
}

/** A copy with one value, somewhere inside, replaced, removed or added. */
export function mutateJson(value: unknown, random: Random): unknown {
  const copy = structuredClone(value)
  let place = copy as Record<string, unknown>
  for (let depth = 0; depth < 8; depth++) {
    const names = Object.keys(place)
    if (names.length === 0) break
    const name = names[random.int(names.length)]
    const inner = place[name]
    if (typeof inner === 'object' && inner !== null && random.int(4) > 0) {
      place = inner as Record<string, unknown>
      continue
    }
    const odd = ODD_VALUES[random.int(ODD_VALUES.length)]
    const kind = random.int(6)
    if (kind === 0) Reflect.deleteProperty(place, name)
    else if (kind === 1) place[`${name}2`] = odd
    else place[name] = typeof inner === 'number' && kind < 4 ? inner + random.int(3) - 1 : odd
    break
  }
  return copy
}
