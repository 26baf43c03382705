// Formats that a limit in bytes or a loss has chosen and that are slower than dense f32 here: which, by how much, and from
// which strength on their kind is faster, all measured at the layer's own shape. A choice by time never takes such a format,
// since f32 costs less there and has error 0.

import type { BudgetClock } from './clock.ts'
import type { BudgetLayer } from './layers.ts'

/** Times of one machine vary by more than the rest. */
const SLOWER = 1.05

/** A method without its strength: sp80x4+q8 and sp90x4+q8 are of one kind. */
const kindOf = (method: string): string => method.replace(/\d+(:\d+)?/, '')

/** A sentence for each such format at each shape; measures the other strengths of its kind. */
export async function slowerFormats(
  groups: readonly BudgetLayer[],
  chosen: readonly number[],
  clock: Pick<BudgetClock, 'ms' | 'measure'>,
): Promise<string[]> {
  const isSlower = (group: BudgetLayer, g: number): boolean => {
    const [plain, taken] = [group.candidates[0], group.candidates[chosen[g]]]
    return group.linear !== null && clock.ms(group, taken.method)! > SLOWER * clock.ms(group, plain.method)!
  }
  const slow = groups.map(isSlower)
  if (!slow.includes(true)) return []
  const kind = ({ candidates }: BudgetLayer, g: number): BudgetLayer['candidates'] =>
    candidates.filter(({ method }) => kindOf(method) === kindOf(candidates[chosen[g]].method))
  await clock.measure((group, g) => (slow[g] ? kind(group, g) : []))
  const notes = new Map<string, { words: string; layers: number }>()
  groups.forEach((group, g) => {
    if (!slow[g]) return
    const { N, K, uses } = group.linear!
    const [{ M }] = uses
    const plain = clock.ms(group, group.candidates[0].method)!
    const { method } = group.candidates[chosen[g]]
    const time = (ms: number): string => `${ms.toPrecision(2)} ms`
    // the strongest last: from which one on all are faster
    const byStrength = kind(group, g).sort((a, b) => b.bytes - a.bytes)
    const first = byStrength.findLastIndex((format) => clock.ms(group, format.method)! > plain) + 1
    const from = byStrength[first]
    const where = `${N}x${K}, ${M} token${M === 1 ? '' : 's'}`
    const words =
      `${method} is slower than dense f32 at ${where}: ${time(clock.ms(group, method)!)} against ${time(plain)}; ` +
      (from
        ? `its kind breaks even at ${from.method} (${time(clock.ms(group, from.method)!)})`
        : 'no strength of its kind is faster')
    const key = `${method} ${where}`
    notes.set(key, { words: notes.get(key)?.words ?? words, layers: (notes.get(key)?.layers ?? 0) + 1 })
  })
  return [...notes.values()].map(
    ({ words, layers }) => `${words} (${layers} layer${layers === 1 ? '' : 's'}); a limit in ms would not take it`,
  )
}
