// Which of the four builds this engine can run.

/** baseline: SIMD; relaxed: SIMD and relaxed SIMD; each without and with shared memory. */
export type BuildName = 'baseline' | 'baseline-shared' | 'relaxed' | 'relaxed-shared'

const V128_ZERO = [0xfd, 0x0c, ...new Array<number>(16).fill(0)]
const RELAXED_MADD = [0xfd, 0x85, 0x02]
const RELAXED_DOT_ADD = [0xfd, 0x93, 0x02]
// (module (func (result v128) v128.const 0 v128.const 0
//   v128.const 0 v128.const 0 v128.const 0 f32x4.relaxed_madd i32x4.relaxed_dot_i8x16_i7x16_add_s))
// Both: an engine may have the one and not the other.
const RELAXED_BODY = [
  ...[0x00, ...V128_ZERO, ...V128_ZERO],
  ...[...V128_ZERO, ...V128_ZERO, ...V128_ZERO, ...RELAXED_MADD, ...RELAXED_DOT_ADD, 0x0b],
]
// (module (func (result v128) v128.const 0))
const SIMD_BODY = [0x00, ...V128_ZERO, 0x0b]

function isValid(body: number[]): boolean {
  const header = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]
  const type = [0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b]
  const functions = [0x03, 0x02, 0x01, 0x00]
  const code = [0x0a, body.length + 2, 0x01, body.length, ...body]
  return WebAssembly.validate(Uint8Array.from([...header, ...type, ...functions, ...code]))
}

export function hasSimd(): boolean {
  return isValid(SIMD_BODY)
}

export function hasRelaxedSimd(): boolean {
  return isValid(RELAXED_BODY)
}

/** True where a shared memory can be made and handed to workers: always in Node, in pages that are cross-origin isolated. */
export function hasSharedMemory(): boolean {
  if (typeof SharedArrayBuffer === 'undefined') return false
  const isolated = (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated
  return isolated ?? true
}
