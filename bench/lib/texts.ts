// What the contenders of `bench texts` share.

import type { TextsInput } from './contender.ts'

/** The texts of each call, in the order given, as a user of either library writes the loop. */
export const callsOf = ({ texts, batch }: TextsInput): string[][] =>
  Array.from({ length: Math.ceil(texts.length / batch) }, (_, i) => texts.slice(i * batch, (i + 1) * batch))

export function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/**
 * 1 - cosine of each vector of `actual` and `expected`, f32 [count, C].
 * @throws where sizes differ or a cosine is no number
 */
export function distances(actual: Float32Array, expected: Float32Array, count: number): { mean: number; max: number } {
  if (actual.length !== expected.length)
    throw new Error(`bench: ${actual.length} numbers in the vectors, expected ${expected.length}`)
  const C = actual.length / count
  let [sum, max] = [0, 0]
  for (let i = 0; i < count; i++) {
    let [dot, a, b] = [0, 0, 0]
    for (let c = i * C; c < (i + 1) * C; c++) {
      dot += actual[c] * expected[c]
      a += actual[c] ** 2
      b += expected[c] ** 2
    }
    const distance = Math.max(0, 1 - dot / Math.sqrt(a * b))
    if (!Number.isFinite(distance)) throw new Error(`bench: the cosine of text ${i} is no number`)
    sum += distance
    max = Math.max(max, distance)
  }
  return { mean: sum / count, max }
}
