/** At most `count`, evenly over a list whose rows may come by label. */
export function evenly<T>(all: readonly T[], count: number): T[] {
  const kept = Math.min(count, all.length)
  return Array.from({ length: kept }, (_, i) => all[Math.floor((i * all.length) / kept)])
}
