/** Lines of a table for a terminal: the columns named (the first) to the left, the others, numbers, to the right. */
export function columns(rows: readonly string[][], left: readonly number[] = [0]): string[] {
  // letters, not code units: labels may hold emoji and accents
  const length = (cell: string): number => [...cell.normalize('NFC')].length
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => length(row[column]))))
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const space = ' '.repeat(widths[column] - length(cell))
        return left.includes(column) ? cell + space : space + cell
      })
      .join('  ')
      .trimEnd(),
  )
}
