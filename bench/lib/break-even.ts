// What the rows of `bench break-even` say: speed beside the dense layers, and the density below which a storage
// format is faster than they are.

import { short, type ResultRow } from './results.ts'

export const DENSE = ['f32', 'int8'] as const

export interface TimeAt {
  density: number
  ms: number
}

/** Where a storage format passes a dense one: at a density, at every density measured, or at none of them. */
export type BreakEven = { kind: 'at'; density: number } | { kind: 'always' | 'never' }

/**
 * The density below which a storage format is faster than `denseMs` at every density measured, on the line between the two points
 * around it.
 * @throws without points
 */
export function breakEven(points: readonly TimeAt[], denseMs: number): BreakEven {
  if (points.length === 0) throw new Error('breakEven: no points')
  const rising = [...points].sort((a, b) => a.density - b.density)
  const slower = rising.findIndex(({ ms }) => ms > denseMs)
  if (slower === -1) return { kind: 'always' }
  if (slower === 0) return { kind: 'never' }
  const [below, above] = [rising[slower - 1], rising[slower]]
  const share = (denseMs - below.ms) / (above.ms - below.ms)
  return { kind: 'at', density: below.density + share * (above.density - below.density) }
}

export type Layout = (header: string[], rows: string[][]) => string

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)]

/** For each layer two tables: speed beside dense f32 and dense int8, and the break-even densities. */
export function breakEvenText(rows: readonly ResultRow[], layout: Layout): string {
  return unique(rows.map(({ model }) => model))
    .map((model) =>
      layerText(
        model,
        rows.filter((row) => row.model === model),
        layout,
      ),
    )
    .join('\n\n')
}

function layerText(model: string, rows: readonly ResultRow[], layout: Layout): string {
  const tokens = unique(rows.map((row) => row.tokens))
  const at = (variant: string, T: number): ResultRow => rows.find((row) => row.variant === variant && row.tokens === T)!
  const counts = tokens.flatMap((T) => [`${T} tokens: ms`, 'times f32', 'times int8'])
  const speeds = unique(rows.map(({ variant }) => variant)).map((variant) => {
    const { form: format, density } = at(variant, tokens[0])
    return [
      format!,
      density!.toFixed(3),
      ...tokens.flatMap((T) => {
        const ms = at(variant, T).medianMs
        return [short(ms), ...DENSE.map((dense) => (at(dense, T).medianMs / ms).toFixed(2))]
      }),
    ]
  })
  const formats = unique(rows.map(({ form }) => form!)).filter((name) => !(DENSE as readonly string[]).includes(name))
  const densities = formats.map((format) => [
    format,
    ...tokens.flatMap((T) => {
      const points = rows
        .filter((row) => row.form === format && row.tokens === T)
        .map((row) => ({ density: row.density!, ms: row.medianMs }))
      const measured = points.map(({ density }) => density)
      return DENSE.map((dense) => {
        const found = breakEven(points, at(dense, T).medianMs)
        if (found.kind === 'at') return found.density.toFixed(2)
        return found.kind === 'always'
          ? `above ${Math.max(...measured).toFixed(2)}`
          : `below ${Math.min(...measured).toFixed(2)}`
      })
    }),
  ])
  return [
    `Layer ${model} (N x K), one layer's time and speed beside the dense layers:`,
    layout(['format', 'density', ...counts], speeds),
    `Layer ${model}, the density below which a format is faster:`,
    layout(['format', ...tokens.flatMap((T) => DENSE.map((dense) => `${T} tokens: than ${dense}`))], densities),
  ].join('\n\n')
}
