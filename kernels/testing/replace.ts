// A shader in other words: for kernels that no adapter here understands as they are.

/** A pattern, the text in its place, and how often it must be in the shader. */
export type Replacement = [pattern: RegExp, text: string, count: number]

/** Throws where a pattern is there more or less often than it must: the shader has changed. */
export function replaceEach(code: string, replacements: Replacement[], what: string): string {
  for (const [pattern, text, count] of replacements) {
    const found = code.match(pattern)?.length ?? 0
    if (found !== count) throw new Error(`${what}: ${String(pattern)} is there ${found} times, not ${count}`)
    code = code.replace(pattern, text)
  }
  return code
}
