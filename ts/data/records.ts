// JSON and JSONL text to entries, and the values that they have under a name or a path.

export interface Entry {
  value: unknown
  /** line of the file, from 1; in a list the number of the entry */
  line: number
}

/**
 * The entries of a file: a list, of objects or of lists; an object with one list, such as {"data": […]}, or with a list for each
 * column; or one entry a line.
 * @throws where a line is no JSON, or an object has no list or several
 */
export function readRecords(content: string, path: string): Entry[] {
  const text = content.replace(/^\uFEFF/, '')
  const whole = tryParse(text)
  if (whole !== undefined) return entriesOf(whole, path)
  if (text.trimStart().startsWith('[')) return entriesOf(parseJson(text, path, 'the file'), path)
  const entries: Entry[] = []
  text.split(/\r\n|\n|\r/).forEach((line, i) => {
    if (line.trim() !== '') entries.push({ value: parseJson(line, path, `line ${i + 1}`), line: i + 1 })
  })
  return entries
}

/** Entries of a list of values. */
export const entriesOfList = (values: readonly unknown[]): Entry[] =>
  values.map((value, i) => ({ value: Array.isArray(value) ? named(value) : value, line: i + 1 }))

/** A row that is a list has its places, from 1, for names. */
const named = (values: unknown[], names?: unknown[]): Record<string, unknown> =>
  Object.fromEntries(values.map((value, i) => [String(names?.[i] ?? i + 1), value]))

/**
 * The columns of an object that has no rows: {"text": […], "label": […]}, as datasets' to_dict makes, or
 * {"text": {"0": …}, "label": {"0": …}}, as pandas' to_json does by default; null where it is another.
 */
function columnsOf(whole: Record<string, unknown>): Record<string, unknown[]> | null {
  const columns = Object.entries(whole)
  if (columns.length < 2) return null
  if (columns.every(([, values]) => Array.isArray(values))) return whole as Record<string, unknown[]>
  if (!columns.every(([, values]) => isRecord(values))) return null
  const rows = Object.keys(columns[0][1] as object)
  const isIndexed = columns.every(([, values]) => Object.keys(values as object).join('\0') === rows.join('\0'))
  if (!isIndexed || rows.length === 0) return null
  return Object.fromEntries(columns.map(([name, values]) => [name, Object.values(values as object)]))
}

function entriesOf(whole: unknown, path: string): Entry[] {
  if (Array.isArray(whole)) return entriesOfList(whole)
  // pandas' to_json(orient='split')
  if (isRecord(whole) && Array.isArray(whole.columns) && Array.isArray(whole.data) && whole.data.every(Array.isArray)) {
    const names = whole.columns
    return entriesOfList(whole.data.map((row) => named(row, names)))
  }
  const lists = isRecord(whole) ? Object.entries(whole).filter(([, value]) => isListOfRecords(value)) : []
  if (lists.length === 1) return entriesOfList(lists[0][1] as unknown[])
  if (lists.length > 1)
    throw new Error(
      `${path}: has the lists ${lists.map(([key]) => `'${key}'`).join(', ')}; expected one, such as {"data": […]}: put the others into files of their own`,
    )
  const columns = isRecord(whole) ? columnsOf(whole) : null
  if (!columns) return [{ value: whole, line: 1 }]
  const [first, ...others] = Object.entries(columns)
  const other = others.find(([, values]) => values.length !== first[1].length)
  if (other)
    throw new Error(
      `${path}: '${first[0]}' has ${first[1].length} values, '${other[0]}' ${other[1].length}; expected columns of one length`,
    )
  return entriesOfList(
    first[1].map((_, i) => Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, values[i]]))),
  )
}

const isListOfRecords = (value: unknown): boolean => Array.isArray(value) && value.length > 0 && value.every(isRecord)

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function parseJson(text: string, path: string, where: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const isNaN = /[:[,]\s*-?(NaN|Infinity)\b/.test(text)
    throw new Error(
      `${path}: ${where} is not JSON (${(error as Error).message}); expected {"text": …, "label": …}` +
        (isNaN ? ': NaN, which Python writes for a missing value, is none; write null' : ''),
      { cause: error },
    )
  }
}

/** The value under a key, or else under a path of keys joined by dots (a.b); undefined where there is none. */
export function valueAt(record: unknown, path: string): unknown {
  if (typeof record !== 'object' || record === null) return undefined
  if (Object.hasOwn(record, path)) return (record as Record<string, unknown>)[path]
  let value: unknown = record
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value
}

/** What a value is, for messages. */
export function describe(value: unknown): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  return Number.isNaN(value) ? 'NaN' : `of type ${typeof value}`
}
