// Names of classes as files hold them: one class may be written 1, 1.0 or "1".

/**
 * The name of a class. A whole number is written without point: pandas makes 1.0 of 1 as soon as a row lacks its label. True of
 * Python is true of JSON.
 */
export function canonicalLabel(label: string): string {
  const name = label
    .trim()
    .replace(/^([+-]?\d+)\.0+$/, '$1')
    .replace(/^(true|false)$/i, (word) => word.toLowerCase())
  return name === '-0' ? '0' : name
}

/** True for a cell that says that there is no label: nothing, or what Python writes for that. */
export const isMissingLabel = (label: string): boolean => /^(nan|<na>)?$/i.test(label.trim())

const isNumber = (label: string): boolean => label.trim() !== '' && Number.isFinite(Number(label))

/** True where all of them are numbers. */
export const areNumbers = (labels: Iterable<string>): boolean => [...labels].every(isNumber)

/** The different ones: numbers by value, where all are numbers, else by code point. */
export function sortedLabels(labels: Iterable<string>): string[] {
  const names = [...new Set(labels)]
  const byValue = areNumbers(names)
  return names.sort((a, b) => (byValue ? Number(a) - Number(b) : 0) || (a < b ? -1 : a > b ? 1 : 0))
}

/**
 * The values of a list that is written in a cell: of JSON, or as Python prints it and pandas writes it, ['a', "b's"]; null
 * where it is none.
 */
export function readList(cell: string): (string | number | boolean | null)[] | null {
  const text = cell.trim()
  if (!text.startsWith('[') || !text.endsWith(']')) return null
  try {
    const list: unknown = JSON.parse(text)
    return Array.isArray(list) && list.every((each) => typeof each !== 'object' || each === null) ? list : null
  } catch {
    return readPythonList(text.slice(1, -1))
  }
}

const PYTHON_ITEM =
  /\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([+-]?[\d.]+(?:e[+-]?\d+)?|True|False|None|nan))\s*(,|$)/iy

function readPythonList(inside: string): (string | boolean | null)[] | null {
  const list: (string | boolean | null)[] = []
  PYTHON_ITEM.lastIndex = 0
  for (let at = 0; at < inside.length; at = PYTHON_ITEM.lastIndex) {
    const [, single, double, bare] = PYTHON_ITEM.exec(inside) ?? []
    const quoted = single ?? double
    if (quoted === undefined && bare === undefined) return null
    const isBoolean = bare === 'True' || bare === 'False'
    list.push(quoted?.replace(/\\(.)/g, '$1') ?? (bare === 'None' ? null : isBoolean ? bare === 'True' : bare))
  }
  return list
}
