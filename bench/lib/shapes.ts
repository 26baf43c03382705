// bench/shapes/*.txt: one linear layer a line, `M N K  # layer: calls per forward pass`.

export interface LinearShape {
  M: number
  N: number
  K: number
  /** what the line's comment says */
  note: string
}

/**
 * Parses a shape file.
 * @throws with the line's number where a line is not three positive integers
 */
export function parseShapes(text: string, file: string): LinearShape[] {
  const shapes: LinearShape[] = []
  text.split('\n').forEach((line, index) => {
    const [sizes, ...comment] = line.split('#')
    if (sizes.trim() === '') return
    const numbers = sizes.trim().split(/\s+/).map(Number)
    if (numbers.length !== 3 || numbers.some((n) => !Number.isInteger(n) || n < 1))
      throw new Error(`${file}, line ${index + 1}: expected 'M N K', three positive integers; found '${sizes.trim()}'`)
    const [M, N, K] = numbers
    shapes.push({ M, N, K, note: comment.join('#').trim() })
  })
  if (shapes.length === 0) throw new Error(`${file}: no shape in it; expected lines 'M N K'`)
  return shapes
}
