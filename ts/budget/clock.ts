// What each layer of a budget takes in each of its formats, and the model outside them.

import type { LinearWeight } from '../../kernels/program/weights.ts'
import type { Candidate } from '../compress/sensitivity.ts'
import type { ModelWeights } from '../model/weights.ts'
import type { BudgetLayer } from './layers.ts'
import type { LinearTimes } from './linear-times.ts'
import type { Reporter } from '../inference/reporter.ts'

/** Of a product: rows, inputs, outputs. */
interface Shape {
  N: number
  K: number
  M: number
}

export interface BudgetClock {
  /** milliseconds of a layer in a format, all its applications together; 0 of the word table, null where the format was not measured */
  ms(group: BudgetLayer, method: string): number | null
  /** the model's milliseconds outside the layers */
  rest: number
  /** measures the formats wanted of each group, where they are not known yet */
  measure(wanted: (group: BudgetLayer, g: number) => readonly BudgetLayer['candidates'][number][]): Promise<void>
}

/** Times the f32 model and its linears, and where `all` every format of them. */
export async function openBudgetClock(
  groups: readonly BudgetLayer[],
  model: ModelWeights,
  times: LinearTimes,
  all: boolean,
  reporter: Reporter,
): Promise<BudgetClock> {
  const tables = new Map<string, Map<string, number>>()
  const keyOf = ({ N, K, M }: Shape): string => `${N} ${K} ${M}`
  const shapesOf = ({ N, K, uses }: NonNullable<BudgetLayer['linear']>): Shape[] => uses.map(({ M }) => ({ N, K, M }))
  const measure: BudgetClock['measure'] = async (wanted) => {
    const shapes = new Map<string, { shape: Shape; formats: Map<string, Candidate<LinearWeight>> }>()
    groups.forEach((group, g) => {
      if (!group.linear) return
      for (const shape of shapesOf(group.linear)) {
        const key = keyOf(shape)
        if (!shapes.has(key)) shapes.set(key, { shape, formats: new Map() })
        const { formats } = shapes.get(key)!
        for (const candidate of wanted(group, g) as Candidate<LinearWeight>[])
          if (!formats.has(candidate.method)) formats.set(candidate.method, candidate)
      }
    })
    let done = 0
    for (const [key, { shape, formats }] of shapes) {
      const list = [...formats.values()].map(({ method, make }) => ({ method, weight: make }))
      tables.set(key, await times.measure(shape, list))
      reporter.progress(++done, shapes.size)
    }
  }
  reporter.stage(all ? 'times of every format at every shape' : 'times of the layers as they are')
  await measure(({ candidates }) => (all ? candidates : candidates.slice(0, 1)))
  const [whole] = await times.models([model])
  reporter.done()
  const raw = ({ linear }: BudgetLayer, method: string): number | null => {
    if (!linear) return 0
    const { N, K, uses } = linear
    const found = uses.map(({ M, times }) => times * (tables.get(keyOf({ N, K, M }))!.get(method) ?? NaN))
    return found.some(Number.isNaN) ? null : found.reduce((sum, ms) => sum + ms, 0)
  }
  const linears = groups.reduce((sum, group) => sum + raw(group, group.candidates[0].method)!, 0)
  // layers by themselves may take longer than inside the model, never than the model
  const scale = Math.min(1, whole / linears)
  return {
    ms: (group, method) => {
      const found = raw(group, method)
      return found === null ? null : scale * found
    },
    rest: whole - scale * linears,
    measure,
  }
}
