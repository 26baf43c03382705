// What is computed from answers: similarities, shares, means of tokens, bits.

import { Tensor } from './tensor.ts'

type Numbers = ArrayLike<number>

/** Sum of products. @throws RangeError where the lengths differ */
export function dot(a: Numbers, b: Numbers): number {
  if (a.length !== b.length) throw new RangeError(`dot: ${a.length} and ${b.length} numbers, expected as many`)
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}

export const magnitude = (a: Numbers): number => Math.sqrt(dot(a, a))

/** Cosine of the angle between two vectors, from -1 to 1; NaN where one is of zeros. */
export const cos_sim = (a: Numbers, b: Numbers): number => dot(a, b) / (magnitude(a) * magnitude(b))

/** Shares that add up to 1, in the kind of array that was given. */
export function softmax<T extends number[] | Float32Array | Float64Array>(numbers: T): T {
  let largest = -Infinity
  for (const x of numbers) largest = Math.max(largest, x)
  const weights = numbers.map((x: number) => Math.exp(x - largest)) as T
  let sum = 0
  for (const w of weights) sum += w
  return weights.map((w: number) => w / sum) as T
}

/**
 * Means of the tokens that a mask counts.
 * @param hidden [B, T, C]
 * @param mask [B, T], 1 for tokens and 0 for padding
 * @returns [B, C]
 */
export function mean_pooling(hidden: Tensor, mask: Tensor): Tensor {
  const [B, T, C] = hidden.dims
  if (hidden.dims.length !== 3 || mask.dims.length !== 2 || mask.dims[0] !== B || mask.dims[1] !== T)
    throw new RangeError(
      `mean_pooling: dims [${hidden.dims.join(', ')}] and [${mask.dims.join(', ')}], expected [B, T, C] and [B, T]`,
    )
  const data = new Float32Array(B * C)
  for (let b = 0; b < B; b++) {
    let count = 0
    for (let t = 0; t < T; t++) {
      const weight = Number(mask.data[b * T + t])
      if (weight === 0) continue
      count += weight
      for (let c = 0; c < C; c++) data[b * C + c] += weight * Number(hidden.data[(b * T + t) * C + c])
    }
    for (let c = 0; c < C && count > 0; c++) data[b * C + c] /= count
  }
  return new Tensor('float32', data, [B, C])
}

/**
 * Vectors as bits, 1 where a number is above 0, eight in a byte.
 * @param vectors [B, C] with C a multiple of 8
 * @param precision 'ubinary': bytes as they are; 'binary': less 128, so that they are s8
 * @returns [B, C / 8]
 */
export function quantize_embeddings(vectors: Tensor, precision: 'binary' | 'ubinary'): Tensor {
  if (precision !== 'binary' && precision !== 'ubinary')
    throw new TypeError(`quantize_embeddings: the precision is '${String(precision)}', expected binary or ubinary`)
  const [B, C] = vectors.dims
  if (vectors.dims.length !== 2 || C % 8 !== 0)
    throw new RangeError(
      `quantize_embeddings: dims [${vectors.dims.join(', ')}], expected [B, C] with C a multiple of 8; pool first`,
    )
  const bytes = new Uint8Array((B * C) / 8)
  vectors.data.forEach((x: number | bigint, i: number) => {
    if (x > 0) bytes[i >> 3] |= 128 >> (i & 7)
  })
  const dims = [B, C / 8]
  if (precision === 'ubinary') return new Tensor('uint8', bytes, dims)
  return new Tensor(
    'int8',
    Int8Array.from(bytes, (byte) => byte - 128),
    dims,
  )
}
