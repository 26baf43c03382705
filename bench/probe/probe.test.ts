import { expect, it } from 'vitest'
import { ACCUMULATORS, READ_PAGES, arithmeticProbe, readProbe, type ArithmeticProbe } from './module.ts'

function run(
  bytes: Uint8Array<ArrayBuffer>,
  pages: number,
  fill: (memory: ArrayBuffer) => void,
  count: number,
): ArrayBuffer {
  const memory = new WebAssembly.Memory({ initial: pages })
  fill(memory.buffer)
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } })
  ;(instance.exports.run as (n: number) => void)(count)
  return memory.buffer
}

it.each<[ArithmeticProbe, (x: number, steps: number) => number]>([
  ['f32MulAdd', (x) => x * 0.5 + 0.5],
  ['f32RelaxedMadd', (x) => x * 0.5 + 0.5],
])('%s really multiplies and adds in every accumulator', (kind, step) => {
  const steps = 5
  const start = (memory: ArrayBuffer): void => {
    new Float32Array(memory).fill(0.5, 0, 4)
    for (let i = 0; i < 4 * ACCUMULATORS; i++) new Float32Array(memory)[16 + i] = i
  }
  const memory = run(arithmeticProbe(kind), 1, start, steps)
  for (let i = 0; i < 4 * ACCUMULATORS; i++) {
    let expected = i
    for (let s = 0; s < steps; s++) expected = Math.fround(step(expected, steps))
    expect(new Float32Array(memory)[16 + i]).toBe(expected)
  }
})

it.each<[ArithmeticProbe, Int32Array]>([
  // acc = 1: as i16 [1, 0] . [2, 0] = 2, added: 3
  ['int8DotI16', Int32Array.of(2, 2, 2, 2)],
  // acc = 1: as i8 [1, 0, 0, 0] . [2, 0, 0, 0] = 2, added: 3
  ['int8RelaxedDot', Int32Array.of(2, 2, 2, 2)],
])('%s really sums products in every accumulator', (kind, operand) => {
  const start = (memory: ArrayBuffer): void => {
    new Int32Array(memory).set(operand)
    new Int32Array(memory).fill(1, 16, 16 + 4 * ACCUMULATORS)
  }
  const memory = run(arithmeticProbe(kind), 1, start, 1)
  expect(new Int32Array(memory).slice(16, 16 + 4 * ACCUMULATORS)).toEqual(new Int32Array(4 * ACCUMULATORS).fill(3))
})

it('the read probe reads every byte', () => {
  const lines = 3
  const start = (memory: ArrayBuffer): void => {
    for (let i = 0; i < lines * 32; i++) new Int32Array(memory)[256 + i] = 1 << (i % 20)
  }
  const memory = new Int32Array(run(readProbe(), READ_PAGES, start, lines))
  let expected = 0
  for (let i = 0; i < lines * 32; i++) expected ^= 1 << (i % 20)
  let actual = 0
  for (let i = 16; i < 32; i++) actual ^= memory[i]
  expect(actual).toBe(expected)
})
