// What `bench break-even` writes, and where two forms are equally fast.

import type { Engine, Machine } from './machine.ts'

export interface FormTimes {
  /** kind of weight, or 'low-rank' */
  name: string
  /** share of the dense layer's multiply-adds that are left out, in [0, 1) */
  saved: number
  /** of one layer */
  ms: number
}

export interface BreakEvenResult {
  schema: 'compact-kernels/break-even/1'
  command: string
  date: string
  machine: Machine
  engine: Engine
  threads: number
  /** kernels that ran, by op */
  variants: Record<string, string>
  layers: { M: number; N: number; K: number; forms: FormTimes[] }[]
}

/**
 * The least share saved from which a form is as fast as a dense one, linear in time between the measured shares.
 * @returns null where it is slower at the last share measured; the first share measured where it is faster there
 */
export function breakEven(forms: FormTimes[], name: string, rival: 'f32' | 'int8'): number | null {
  const limit = forms.find((form) => form.name === rival)!.ms
  const points = forms.filter((form) => form.name === name).sort((a, b) => a.saved - b.saved)
  // from the end: a form that is slower once more beyond a share has not broken even there
  const slower = points.findLastIndex(({ ms }) => ms > limit)
  if (slower === points.length - 1) return null
  if (slower < 0) return points[0].saved
  const [a, b] = [points[slower], points[slower + 1]]
  return a.saved + ((b.saved - a.saved) * (a.ms - limit)) / (a.ms - b.ms)
}
