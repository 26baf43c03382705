import { inspectSource, type Ledger } from '../model/ledger.ts'

/** Prints the byte ledger of a model, as it is or under a recipe. */
export async function inspectCommand(model: string, flags: { recipe?: string; json?: boolean }): Promise<void> {
  const ledger = await inspectSource(model, flags.recipe ? { recipe: flags.recipe } : {})
  process.stdout.write(flags.json ? `${JSON.stringify(ledger)}\n` : ledgerText(ledger))
}

/** The ledger in columns. */
export function ledgerText({ bytes, params, groups }: Ledger): string {
  const megabytes = (value: number): string => (value / 1e6).toFixed(3)
  const share = (value: number): string => `${((100 * value) / bytes).toFixed(1)} %`
  const table = [['group', 'MB', 'share', 'parameters', 'stored as']]
  for (const group of groups)
    table.push([group.name, megabytes(group.bytes), share(group.bytes), group.params.toLocaleString('en'), group.kind])
  // the study counts an int8 weight as one byte and leaves out what scales it: the line to compare with its sizes
  const scales = groups.find(({ name }) => name === 'scales')?.bytes ?? 0
  if (scales > 0) {
    const without = bytes - scales
    table.push(['all but scales', megabytes(without), share(without), params.toLocaleString('en'), ''])
  }
  table.push(['all', megabytes(bytes), '100 %', params.toLocaleString('en'), ''])
  const widths = table[0].map((_, column) => Math.max(...table.map((line) => line[column].length)))
  const lines = table.map((line) =>
    line
      .map((cell, column) =>
        column === 0 || column === 4 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
      )
      .join('  ')
      .trimEnd(),
  )
  return `${lines.join('\n')}\n`
}
