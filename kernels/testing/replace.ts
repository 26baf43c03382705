// A shader in other words: for kernels that no adapter here understands as they are.

/** A pattern, the text in its place, and how often it must occur in the shader. */
export type Replacement = [pattern: RegExp, text: string, count: number]

/** Throws where a pattern does not occur as often as it must, because the shader has changed. */
export function replaceEach(code: string, replacements: Replacement[], what: string): string {
  for (const [pattern, text, count] of replacements) {
    const found = code.match(pattern)?.length ?? 0
    if (found !== count)
      throw new Error(
        `${what}: ${String(pattern)} occurs ${found} times in the shader, expected ${count}; adapt the replacements to it`,
      )
    code = code.replace(pattern, text)
  }
  return code
}
