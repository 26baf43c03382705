// Drops exports from a WebAssembly module. assembly/ exports its inner loops so that the compiler keeps each a function of
// its own; nobody calls them from outside, and their names are a kilobyte of every page.

const EXPORT_SECTION = 7
/** magic number and version */
const HEADER_BYTES = 8

/** The unsigned LEB128 number at `at`, and where it ends. */
function readNumber(bytes: Uint8Array, at: number): { value: number; end: number } {
  let value = 0
  for (let shift = 0; ; shift += 7, at++) {
    value |= (bytes[at] & 0x7f) << shift
    if (bytes[at] < 0x80) return { value, end: at + 1 }
  }
}

function numberBytes(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...numberBytes(value >>> 7)]
}

/** The export section's contents with the exports whose name passes `isKept`. */
function keepExports(section: Uint8Array, isKept: (name: string) => boolean): number[] {
  const kept: number[][] = []
  let { value: count, end: at } = readNumber(section, 0)
  for (; count > 0; count--) {
    const begin = at
    const name = readNumber(section, at)
    const nameEnd = name.end + name.value
    // a byte says what is exported, a number which one
    at = readNumber(section, nameEnd + 1).end
    if (isKept(new TextDecoder().decode(section.subarray(name.end, nameEnd))))
      kept.push([...section.subarray(begin, at)])
  }
  return [...numberBytes(kept.length), ...kept.flat()]
}

/** `module` with the exports alone whose name passes `isKept`. */
export function stripExports(module: Uint8Array, isKept: (name: string) => boolean): Buffer {
  const parts: Uint8Array[] = [module.subarray(0, HEADER_BYTES)]
  for (let at = HEADER_BYTES; at < module.length;) {
    const { value: length, end: begin } = readNumber(module, at + 1)
    const end = begin + length
    if (module[at] === EXPORT_SECTION) {
      const contents = keepExports(module.subarray(begin, end), isKept)
      parts.push(Uint8Array.from([EXPORT_SECTION, ...numberBytes(contents.length), ...contents]))
    } else parts.push(module.subarray(at, end))
    at = end
  }
  return Buffer.concat(parts)
}
