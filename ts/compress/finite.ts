/** Throws where a weight holds NaN or an infinity: no step can rank or round those. */
export function requireFinite(data: Float32Array, K: number, stem: string): void {
  for (let i = 0; i < data.length; i++)
    if (!Number.isFinite(data[i]))
      throw new Error(
        `${stem}: found ${data[i]} at [${Math.floor(i / K)}, ${i % K}], expected finite weights; the file or the training is broken`,
      )
}
