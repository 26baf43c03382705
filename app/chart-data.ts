// Rows of results as the plots want them: one device and one length, points with their front, labels that do not collide.

import type { BenchRow, ModelTime } from './messages.ts'
import type { PageResults } from './results.ts'

/** Results with what their machine is called in plots and tables. */
export interface NamedResults extends PageResults {
  name: string
}

/** 'wasm1', 'wasm4', 'webgpu': the same on every machine. */
export const placeKey = ({ kind, threads }: Pick<BenchRow, 'kind' | 'threads'>): string =>
  kind === 'gpu' ? 'webgpu' : `wasm${threads}`

export type Row<P extends BenchRow['part']> = Extract<BenchRow, { part: P }> & { machine: string }

/** Rows of a part, of every machine. */
export const rowsOf = <P extends BenchRow['part']>(results: readonly NamedResults[], part: P): Row<P>[] =>
  results.flatMap((result) =>
    result.rows
      .filter((row): row is Extract<BenchRow, { part: P }> => row.part === part)
      .map((row) => ({ ...row, machine: result.name }) as Row<P>),
  )

export interface ScoredPoint {
  /** variants that share size and score are one point */
  name: string
  machine: string
  bytes: number
  f1: number
  f1Low: number
  f1High: number
  /** NaN where only sizes are known */
  ms: number
}

/** Sizes and F1 of a model, one point for variants that are the same in both. */
export function sizePoints(
  scores: NonNullable<PageResults['scores']>,
  nameOf: (variant: string) => string,
): ScoredPoint[] {
  const points = new Map<string, ScoredPoint>()
  for (const [variant, { bytes, f1, f1Low, f1High }] of Object.entries(scores)) {
    const key = `${bytes} ${f1}`
    const found = points.get(key)
    if (found) found.name += ` = ${nameOf(variant)}`
    else points.set(key, { name: nameOf(variant), machine: '', bytes, f1, f1Low, f1High, ms: NaN })
  }
  return [...points.values()]
}

/** What of the results has a time on that device at that length and a known F1. */
export function timePoints(
  results: readonly NamedResults[],
  place: string,
  tokens: number,
  nameOf: (variant: string) => string,
): ScoredPoint[] {
  return results.flatMap((result) =>
    result.rows.flatMap((row): ScoredPoint[] => {
      const score = result.scores?.[(row as ModelTime).variant]
      if (row.part !== 'models' || row.tokens !== tokens || placeKey(row) !== place || !score) return []
      const { f1, f1Low, f1High } = score
      return [
        {
          name: nameOf(row.variant),
          machine: result.name,
          bytes: row.bytes,
          f1,
          f1Low,
          f1High,
          ms: row.medianMs,
        },
      ]
    }),
  )
}

export interface Label {
  x: number
  y: number
  name: string
}

export interface PlacedLabel extends Label {
  dx: number
  dy: number
  anchor: 'start' | 'end' | 'middle'
}

interface Box {
  left: number
  right: number
  top: number
  bottom: number
}

/** an average glyph of an 11 px sans-serif font */
const GLYPH = 6.2
const HEIGHT = 13
const GAP = 8

/**
 * Places each label beside its point, in pixels, where it covers neither another label nor a point; one that fits nowhere is
 * left out (the table has it).
 */
export function placeLabels(labels: readonly Label[], frame: Box): PlacedLabel[] {
  const taken: Box[] = labels.map(({ x, y }) => ({ left: x - 6, right: x + 6, top: y - 6, bottom: y + 6 }))
  const placed: PlacedLabel[] = []
  for (const label of labels) {
    const long = label.name.length * GLYPH
    const found = candidates(long).find(({ dx, dy, anchor }) => {
      const left = label.x + dx - (anchor === 'end' ? long : anchor === 'middle' ? long / 2 : 0)
      const box = { left, right: left + long, top: label.y + dy - HEIGHT / 2, bottom: label.y + dy + HEIGHT / 2 }
      const isInside =
        box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom
      if (!isInside || taken.some((other) => overlaps(box, other))) return false
      taken.push(box)
      return true
    })
    if (found) placed.push({ ...label, ...found })
  }
  return placed
}

function* steps(): Generator<number> {
  for (const away of [0, 1, 2, 3]) {
    yield away
    if (away > 0) yield -away
  }
}

function candidates(long: number): Pick<PlacedLabel, 'dx' | 'dy' | 'anchor'>[] {
  const beside = [...steps()].flatMap((step) => [
    { dx: GAP, dy: step * HEIGHT, anchor: 'start' as const },
    { dx: -GAP, dy: step * HEIGHT, anchor: 'end' as const },
  ])
  const above = [-1, 1, -2, 2].map((step) => ({ dx: 0, dy: step * (HEIGHT + 2), anchor: 'middle' as const }))
  const [right, left, ...rest] = beside
  // a short label above its point is nearer than one that is pushed aside
  return long < 60 ? [right, left, ...above, ...rest] : [right, left, ...rest, ...above]
}

const overlaps = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
