// Whether the arrays of a weight were written to since they were packed, as far as some of their values tell.

import type { LinearWeight } from '../../kernels/program/weights.ts'

/** Values of each array that are compared at every call. */
const SAMPLES = 64

const arraysOf = (weight: LinearWeight): ArrayLike<number>[] =>
  weight.kind === 'chain'
    ? weight.factors.flatMap(arraysOf)
    : (Object.values(weight) as unknown[])
        .filter((field) => ArrayBuffer.isView(field))
        .map((field) => field as unknown as ArrayLike<number>)

/** Values of a weight and its bias, spread over their arrays. */
export function sampleNumbers(weight: LinearWeight, bias: Float32Array | undefined): Float64Array {
  const arrays = [...arraysOf(weight), ...(bias ? [bias] : [])]
  const samples = new Float64Array(arrays.length * SAMPLES)
  arrays.forEach((array, at) => {
    // an odd step over the places, so that the places of regular layouts are met
    for (let i = 0; i < SAMPLES && array.length > 0; i++)
      samples[at * SAMPLES + i] = array[Math.floor((i * (array.length - 1)) / (SAMPLES - 1))]
  })
  return samples
}

export const sameNumbers = (a: Float64Array, b: Float64Array): boolean =>
  a.length === b.length && a.every((x, i) => Object.is(x, b[i]))
