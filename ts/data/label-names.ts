// Names of classes as files hold them: one class may be written 1, 1.0 or "1".

/** The name of a class. A whole number is written without point: pandas makes 1.0 of 1 as soon as a row lacks its label. */
export function canonicalLabel(label: string): string {
  const name = label.trim().replace(/^([+-]?\d+)\.0+$/, '$1')
  return name === '-0' ? '0' : name
}

/** True for a cell that says that there is no label: nothing, or the NaN of Python. */
export const isMissingLabel = (label: string): boolean => /^(nan)?$/i.test(label.trim())

const isNumber = (label: string): boolean => label.trim() !== '' && Number.isFinite(Number(label))

/** True where all of them are numbers. */
export const areNumbers = (labels: Iterable<string>): boolean => [...labels].every(isNumber)

/** The different ones: numbers by value, where all are numbers, else by code point. */
export function sortedLabels(labels: Iterable<string>): string[] {
  const names = [...new Set(labels)]
  const byValue = areNumbers(names)
  return names.sort((a, b) => (byValue ? Number(a) - Number(b) : 0) || (a < b ? -1 : a > b ? 1 : 0))
}
