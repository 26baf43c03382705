// Hand-assembled WebAssembly for the ceilings: loops of one instruction over twelve independent accumulators, so that
// neither memory nor latency limits the loop; over twice as many, stored as neighbours, where an engine runs pairs of vectors
// as one of 256 bits.

const F32_MUL = [0xfd, 0xe6, 0x01]
const F32_ADD = [0xfd, 0xe4, 0x01]
const F32_RELAXED_MADD = [0xfd, 0x85, 0x02]
const I32_ADD = [0xfd, 0xae, 0x01]
const I32_DOT_I16X8 = [0xfd, 0xba, 0x01]
const I32_RELAXED_DOT_I8X16 = [0xfd, 0x93, 0x02]
const V128_XOR = [0xfd, 0x51]

export const ACCUMULATORS = 12
export const WIDE_ACCUMULATORS = 24
/** the v128 operand that every step reads, and where the loop keeps its result */
const OPERAND_PTR = 0
const RESULT_PTR = 64
/** where the read probe starts */
const READ_PTR = 1024

export type ArithmeticProbe = 'f32MulAdd' | 'f32RelaxedMadd' | 'int8DotI16' | 'int8RelaxedDot'

/** Operations per accumulator and step; a multiply-add is two. */
export const OPS_PER_STEP: Record<ArithmeticProbe, number> = {
  f32MulAdd: 8,
  f32RelaxedMadd: 8,
  int8DotI16: 16,
  int8RelaxedDot: 32,
}

function uleb(value: number): number[] {
  const out: number[] = []
  do {
    const low = value & 0x7f
    value >>>= 7
    out.push(value > 0 ? low | 0x80 : low)
  } while (value > 0)
  return out
}

/** Signed LEB128 of a non-negative number, for i32.const. */
function sleb(value: number): number[] {
  const out: number[] = []
  for (;;) {
    const low = value & 0x7f
    value >>= 7
    if (value === 0 && (low & 0x40) === 0) return [...out, low]
    out.push(low | 0x80)
  }
}

const section = (id: number, body: number[]): number[] => [id, ...uleb(body.length), ...body]
const get = (local: number): number[] => [0x20, ...uleb(local)]
const set = (local: number): number[] => [0x21, ...uleb(local)]
const i32 = (value: number): number[] => [0x41, ...sleb(value)]
const loadV128 = (offset: number): number[] => [0xfd, 0x00, 4, ...uleb(offset)]
const storeV128 = (offset: number): number[] => [0xfd, 0x0b, 4, ...uleb(offset)]

/** A module with one export `run(count: i32)`, its memory imported as env.memory, and these v128 locals after count. */
function assemble(vectors: number, body: number[]): Uint8Array<ArrayBuffer> {
  const name = (text: string): number[] => [text.length, ...[...text].map((c) => c.charCodeAt(0))]
  const code = [1, ...uleb(vectors), 0x7b, ...body, 0x0b]
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, 0x7f, 0]),
    ...section(2, [1, ...name('env'), ...name('memory'), 2, 0, 1]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name('run'), 0, 0]),
    ...section(10, [1, ...uleb(code.length), ...code]),
  ])
}

/** Counts local 0 down from `count` to 0 around `step`. */
function countDown(step: number[]): number[] {
  return [0x03, 0x40, ...step, ...get(0), ...i32(1), 0x6b, 0x22, 0, 0x0d, 0, 0x0b]
}

/** `run(count)`: count steps of one arithmetic instruction (or pair) on each accumulator. */
export function arithmeticProbe(kind: ArithmeticProbe, accumulators = ACCUMULATORS): Uint8Array<ArrayBuffer> {
  const operand = 1
  const accumulator = (i: number): number => 2 + i
  const update: Record<ArithmeticProbe, (a: number[]) => number[]> = {
    f32MulAdd: (a) => [...a, ...get(operand), ...F32_MUL, ...get(operand), ...F32_ADD],
    f32RelaxedMadd: (a) => [...a, ...get(operand), ...get(operand), ...F32_RELAXED_MADD],
    int8DotI16: (a) => [...a, ...a, ...get(operand), ...I32_DOT_I16X8, ...I32_ADD],
    int8RelaxedDot: (a) => [...a, ...get(operand), ...a, ...I32_RELAXED_DOT_I8X16],
  }
  const lanes = Array.from({ length: accumulators }, (_, i) => accumulator(i))
  return assemble(1 + accumulators, [
    ...[...i32(OPERAND_PTR), ...loadV128(0), ...set(operand)],
    // Accumulators start from different addresses: equal ones would be computed once.
    ...lanes.flatMap((local, i) => [...i32(OPERAND_PTR), ...loadV128(RESULT_PTR + 16 * i), ...set(local)]),
    ...countDown(lanes.flatMap((local) => [...update[kind](get(local)), ...set(local)])),
    ...lanes.flatMap((local, i) => [...i32(OPERAND_PTR), ...get(local), ...storeV128(RESULT_PTR + 16 * i)]),
  ])
}

/** `run(bytes / 128)` reads that many 128-byte lines from READ_PTR on. */
export function readProbe(): Uint8Array<ArrayBuffer> {
  const address = (): number[] => [...get(0), ...i32(7), 0x74]
  const sums = [1, 2, 3, 4]
  return assemble(sums.length, [
    ...countDown(
      Array.from({ length: 8 }, (_, i) => {
        const local = sums[i % sums.length]
        return [...get(local), ...address(), ...loadV128(READ_PTR - 128 + 16 * i), ...V128_XOR, ...set(local)]
      }).flat(),
    ),
    ...sums.flatMap((local, i) => [...i32(OPERAND_PTR), ...get(local), ...storeV128(RESULT_PTR + 16 * i)]),
  ])
}

export const READ_BYTES = 64 * 2 ** 20

/** Pages of the memory each probe wants. */
export const READ_PAGES = (READ_BYTES + READ_PTR) / 65536 + 1
