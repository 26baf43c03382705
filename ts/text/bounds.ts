// What a tokenizer does not take on: patterns that can run for ever, and words that no one wrote.

/** A longer run of letters, or of white space, is data and no text; BPE and Unigram would take seconds over it. */
const MAX_RUN = 50_000
/** WordPiece gives up on a word at 100 letters. */
export const MAX_RUN_OF_WORDPIECE = 1_000_000

/** What is wrong with a text, or null: a run without a space, or of white space alone, that is too long. */
export function longRunOf(text: string, most = MAX_RUN): string | null {
  if (text.length <= most) return null
  for (const { 0: run, index } of text.matchAll(/\S+|\s+/g)) {
    if (run.length <= most) continue
    const what = /\S/.test(run[0]) ? 'without a space' : 'of white space'
    return `has more than ${most} characters ${what} from character ${index} on, which is no text; cut or remove them`
  }
  return null
}

/** Lists and objects in one another that no one wrote: what walks them, JSON.stringify too, runs out of stack. */
const MAX_LEVELS = 500
const TOO_DEEP = `has lists in one another on more than ${MAX_LEVELS} levels, expected fewer`

/** What is wrong with parsed JSON, or null: it has too many levels. */
export function tooDeep(json: unknown): string | null {
  let level = [json]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_LEVELS) return TOO_DEEP
    level = level.flatMap((value): unknown[] =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    )
  }
  return null
}

/**
 * Walks tokenizer.json for patterns.
 * @throws where one repeats what repeats itself, or alternatives, without end: on some texts it runs for ever; and where
 *   there are too many levels
 */
export function checkPatterns(json: unknown, where = 'tokenizer.json', depth = 0): void {
  if (typeof json !== 'object' || json === null) return
  if (depth > MAX_LEVELS) throw new Error(`tokenizer.json: it ${TOO_DEEP}`)
  for (const [name, value] of Object.entries(json)) {
    if (name === 'vocab' || name === 'merges' || name === 'added_tokens') continue
    if (name === 'Regex' && typeof value === 'string') checkPattern(value, where)
    else checkPatterns(value, `${where}: ${name}`, depth + 1)
  }
}

interface Group {
  /** has a repetition without end, or alternatives */
  isOpen: boolean
}

function checkPattern(pattern: string, where: string): void {
  const groups: Group[] = [{ isOpen: false }]
  let closed: Group | null = null
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at]
    const last = closed
    closed = null
    if (character === '\\') at++
    else if (character === '[') at = endOfClass(pattern, at)
    else if (character === '(') groups.push({ isOpen: false })
    else if (character === '|') groups.at(-1)!.isOpen = true
    else if (character === ')') closed = groups.length > 1 ? groups.pop()! : null
    else if (/^(?:[*+]|\{\d+,\})/.test(pattern.slice(at, at + 12))) {
      if (last?.isOpen)
        throw new Error(
          `${where}: the pattern ${JSON.stringify(pattern)} repeats a group that repeats itself or has alternatives: on some texts it would run for ever; write it without`,
        )
      groups.at(-1)!.isOpen = true
    }
    // what is open inside a group is open around it
    if (closed?.isOpen) groups.at(-1)!.isOpen = true
  }
}

/** Where a class of characters ends; classes do not nest, but for `[` after `&&`. */
function endOfClass(pattern: string, from: number): number {
  let at = from + 1
  if (pattern[at] === '^') at++
  for (; at < pattern.length && pattern[at] !== ']'; at++) if (pattern[at] === '\\') at++
  return at
}
