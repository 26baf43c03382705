// Texts without labels: what a teacher reads to a student beside the labelled ones.

import { readFiles } from './read-files.ts'
import { readRecords, readTable, TEXT_NAMES } from './dataset-rows.ts'

/**
 * The texts of files joined by commas (Node only): the text column of CSV, TSV, JSONL or JSON, else one text a line.
 * @param column name of the text column, where a file has it; detected by its name otherwise
 * @param notes gets a sentence for each thing detected or left out
 * @param options isRequired: a column that was named must be there; otherwise one known by its name will do
 * @throws where a file cannot be read, or has no column that is known as one of texts
 */
export async function loadTexts(
  source: string,
  column: string | undefined,
  notes: string[],
  { isRequired = false } = {},
): Promise<string[]> {
  const choice = { column, isRequired }
  const files = await readFiles(source)
  const texts = files.flatMap(({ path, content }) => {
    const all = textsOf(content, path, choice, notes)
    const filled = all.filter((text) => text.trim() !== '')
    if (filled.length < all.length) notes.push(`${path}: ${all.length - filled.length} empty texts left out.`)
    return filled
  })
  if (texts.length === 0) throw new Error(`${source}: there are no texts in it; expected one a line, or a column`)
  return texts
}

interface Choice {
  column: string | undefined
  isRequired: boolean
}

function textsOf(content: string, path: string, choice: Choice, notes: string[]): string[] {
  const ending = /\.([^./\\]+)$/.exec(path)?.[1].toLowerCase() ?? ''
  switch (ending) {
    case 'csv':
    case 'tsv': {
      const table = readTable(content, path, ending, notes)
      if (table.length === 0) throw new Error(`${path}: it is empty; expected a header and texts, or texts alone`)
      const [first, ...rows] = table
      const isNamed = isTextName(first.cells[0], choice.column) || (choice.isRequired && choice.column !== undefined)
      const isColumn = first.cells.length === 1 && !isNamed
      if (isColumn) return table.map(({ cells }) => cells[0])
      const at = first.cells.indexOf(chooseName(first.cells, path, choice))
      return rows.map(({ cells }) => cells[at])
    }
    case 'jsonl':
    case 'ndjson':
    case 'json':
      return readRecords(content, path, ending).map(({ value, line }) => {
        if (typeof value === 'string') return value
        const record = (value ?? {}) as Record<string, unknown>
        const text = record[chooseName(Object.keys(record), `${path}: line ${line}`, choice)]
        if (typeof text !== 'string') throw new Error(`${path}: line ${line} has ${typeof text}, expected a text`)
        return text
      })
    default:
      return content.split(/\r\n|\n|\r/).filter((line) => line !== '')
  }
}

const fold = (name: string): string => name.trim().toLowerCase()
const isTextName = (name: string, column?: string): boolean => name === column || TEXT_NAMES.includes(fold(name))

function chooseName(names: string[], where: string, { column, isRequired }: Choice): string {
  let found = names.find((name) => name === column)
  if (column === undefined || !isRequired)
    found ??= names.find((name) => TEXT_NAMES.includes(fold(name))) ?? (names.length === 1 ? names[0] : undefined)
  if (found === undefined)
    throw new Error(
      `${where}: found ${names.slice(0, 10).join(', ') || 'no columns'}; expected a column of texts: name it with the option text, or call it text`,
    )
  return found
}
