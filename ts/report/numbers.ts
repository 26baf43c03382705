/** Three significant digits, never with an exponent. */
export function shortNumber(value: number): string {
  if (value === 0) return '0'
  const digits = Math.max(0, Math.min(7, 2 - Math.floor(Math.log10(Math.abs(value)))))
  return value.toFixed(digits)
}
