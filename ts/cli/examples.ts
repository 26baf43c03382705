// Examples at the end of a verb's help. A test runs the parser over each of them.

/** Columns of a terminal that all have. */
const WIDTH = 80
const INDENT = '  '

/** A command that is too long for a line goes on in the next, as a shell reads it. */
function folded(command: string): string {
  const lines = ['']
  for (const word of command.split(' ')) {
    const line = lines.at(-1)!
    // a space and the backslash that may follow
    if (line !== '' && INDENT.length + line.length + word.length + 3 > WIDTH) {
      lines[lines.length - 1] = `${line} \\`
      lines.push(`  ${word}`)
    } else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines.map((line) => INDENT + line).join('\n')
}

/** @param commands as they are typed, the program's name included */
export const examples = (...commands: string[]): string =>
  `\n${commands.length > 1 ? 'Examples' : 'Example'}:\n${commands.map(folded).join('\n')}`
