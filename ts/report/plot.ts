// Scatter plots as SVG text: one quantity (log scale, less is better) against F1, intervals, names and the Pareto front.
// Colours come from the page's CSS variables, so that light and dark need no second drawing.

export interface PlotPoint {
  id: string
  x: number
  y: number
  yLow: number
  yHigh: number
}

export interface PlotOptions {
  title: string
  xLabel: string
  yLabel: string
}

const WIDTH = 640
const HEIGHT = 420
const LEFT = 58
const RIGHT = 20
const TOP = 34
const BOTTOM = 50
const LABEL_HEIGHT = 13
// the widest average glyph of the common sans-serif fonts at 11 px, DejaVu Sans: names end beside their points in every font
const GLYPH = 7.2

/** Text made safe inside HTML and SVG. */
export const escapeMarkup = (text: string): string =>
  text.replace(/[&<>"']/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[c]!)

/** Points that no other point beats in both x (less) and y (more), by rising x. */
export function paretoFront<T extends { x: number; y: number }>(points: T[]): T[] {
  const front: T[] = []
  for (const point of [...points].sort((a, b) => a.x - b.x || b.y - a.y))
    if (front.length === 0 || point.y > front[front.length - 1].y) front.push(point)
  return front
}

/** 1, 2, 5 times powers of ten inside [low, high]. */
function logTicks(low: number, high: number): number[] {
  const ticks: number[] = []
  const wide = Math.log10(high / low) > 2
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    for (const digit of wide ? [1] : [1, 2, 5]) {
      const tick = digit * 10 ** power
      if (tick >= low && tick <= high) ticks.push(tick)
    }
  return ticks
}

function linearTicks(low: number, high: number): number[] {
  const rough = (high - low) / 6
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((size) => size >= rough)!
  const ticks: number[] = []
  for (let i = Math.ceil(low / step); i * step <= high; i++) ticks.push(i * step)
  return ticks
}

interface Box {
  x: number
  y: number
  width: number
  height: number
}
const overlap = (a: Box, b: Box): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height

interface PlacedName {
  /** the end of the name that is next to its point */
  x: number
  y: number
  anchor: 'start' | 'end'
}

/** Where each name is drawn: beside its point, or at the nearest free place with a thin line to it. */
function placeNames(points: { id: string; px: number; py: number }[]): PlacedName[] {
  const taken: Box[] = points.map(({ px, py }) => ({ x: px - 5, y: py - 5, width: 10, height: 10 }))
  return points.map(({ id, px, py }, index) => {
    const width = id.length * GLYPH
    const inside = (box: Box): boolean =>
      box.x >= LEFT &&
      box.x + box.width <= WIDTH - RIGHT + 14 &&
      box.y >= TOP - 8 &&
      box.y + box.height <= HEIGHT - BOTTOM
    // further aside only where no height is free beside the point
    for (const aside of [8, 60, 120, 180, 240])
      for (let away = 0; away < 26; away++)
        for (const side of [1, -1])
          for (const up of away === 0 ? [0] : [-away, away]) {
            const box = {
              x: side > 0 ? px + aside : px - aside - width,
              y: py - LABEL_HEIGHT / 2 + up * LABEL_HEIGHT,
              width,
              height: LABEL_HEIGHT,
            }
            if (inside(box) && taken.every((other, i) => i === index || !overlap(box, other))) {
              taken.push(box)
              const x = side > 0 ? box.x : box.x + width
              return { x, y: box.y + LABEL_HEIGHT - 3, anchor: side > 0 ? 'start' : 'end' }
            }
          }
    return { x: px + 8, y: py + 4, anchor: 'start' }
  })
}

/** One scatter plot; an empty string without points. */
export function scatterPlot(points: PlotPoint[], { title, xLabel, yLabel }: PlotOptions): string {
  if (points.length === 0) return ''
  const xs = points.map((point) => point.x)
  const xLow = Math.min(...xs) / 1.3
  const xHigh = Math.max(...xs) * 1.6
  const yMin = Math.min(...points.map((point) => point.yLow))
  const yMax = Math.max(...points.map((point) => point.yHigh))
  const pad = Math.max(0.005, (yMax - yMin) * 0.06)
  const yLow = yMin - pad
  const yHigh = Math.min(1.002, yMax + pad)
  const px = (x: number): number => LEFT + ((WIDTH - LEFT - RIGHT) * Math.log(x / xLow)) / Math.log(xHigh / xLow)
  const py = (y: number): number => TOP + ((HEIGHT - TOP - BOTTOM) * (yHigh - y)) / (yHigh - yLow)
  const n = (value: number): string => value.toFixed(1)

  const parts: string[] = []
  const bottom = HEIGHT - BOTTOM
  for (const tick of logTicks(xLow, xHigh))
    parts.push(
      `<line class="grid" x1="${n(px(tick))}" x2="${n(px(tick))}" y1="${TOP}" y2="${bottom}"/>`,
      `<text class="tick" x="${n(px(tick))}" y="${bottom + 16}" text-anchor="middle">${Number(tick.toPrecision(3))}</text>`,
    )
  for (const tick of linearTicks(yLow, yHigh))
    parts.push(
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${n(py(tick))}" y2="${n(py(tick))}"/>`,
      `<text class="tick" x="${LEFT - 6}" y="${n(py(tick) + 4)}" text-anchor="end">${tick.toFixed(yHigh - yLow < 0.1 ? 3 : 2)}</text>`,
    )
  const front = paretoFront(points)
  parts.push(
    `<polyline class="front" points="${front.map((point) => `${n(px(point.x))},${n(py(point.y))}`).join(' ')}"/>`,
  )
  const placed = points.map((point) => ({ id: point.id, px: px(point.x), py: py(point.y) }))
  const names = placeNames(placed)
  for (const [i, point] of points.entries()) {
    const { px: cx, py: cy } = placed[i]
    const kind = point.id === 'baseline' ? 'base' : front.includes(point) ? 'best' : 'other'
    const away = Math.abs(names[i].y - 4 - cy) > LABEL_HEIGHT || Math.abs(names[i].x - cx) > 9
    parts.push(
      `<g class="${kind}" data-id="${escapeMarkup(point.id)}"><title>${escapeMarkup(`${point.id}: ${xLabel} ${point.x.toPrecision(3)}, ${yLabel} ${point.y.toFixed(3)} [${point.yLow.toFixed(3)}, ${point.yHigh.toFixed(3)}]`)}</title>`,
      `<line class="whisker" x1="${n(cx)}" x2="${n(cx)}" y1="${n(py(point.yLow))}" y2="${n(py(Math.min(point.yHigh, yHigh)))}"/>`,
      away ? `<line class="leader" x1="${n(cx)}" y1="${n(cy)}" x2="${n(names[i].x)}" y2="${n(names[i].y - 4)}"/>` : '',
      `<circle cx="${n(cx)}" cy="${n(cy)}" r="4.5"/>`,
      `<text class="name" text-anchor="${names[i].anchor}" x="${n(names[i].x)}" y="${n(names[i].y)}">${escapeMarkup(point.id)}</text></g>`,
    )
  }
  return (
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeMarkup(title)}">` +
    `<text class="title" x="${LEFT}" y="18">${escapeMarkup(title)}</text>` +
    parts.join('') +
    `<text class="axis" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 10}" text-anchor="middle">${escapeMarkup(xLabel)}</text>` +
    `<text class="axis" x="14" y="${(TOP + bottom) / 2}" text-anchor="middle" transform="rotate(-90 14 ${(TOP + bottom) / 2})">${escapeMarkup(yLabel)}</text></svg>`
  )
}
