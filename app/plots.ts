// Plots by Observable Plot. They take their colours from the page, and no style element, which a strict policy refuses.

import * as Plot from '@observablehq/plot'
import { paretoFront } from '../ts/report/plot.ts'
import { placeLabels, type Row, type ScoredPoint } from './chart-data.ts'
import type { Words } from './words.en.ts'

const HEIGHT = 340
const MARGINS = { marginLeft: 56, marginRight: 24, marginTop: 16, marginBottom: 44 }

type Drawn = SVGSVGElement | HTMLElement

/** Plot's own style element repeats what style.css says of .plot svg. */
function finish(drawn: Drawn, label: string): Drawn {
  for (const style of drawn.querySelectorAll('style')) style.remove()
  const svg = drawn instanceof SVGSVGElement ? drawn : drawn.querySelector<SVGSVGElement>(':scope > svg')
  svg?.setAttribute('role', 'img')
  svg?.setAttribute('aria-label', label)
  return drawn
}

/** Points of quality over something that less is better of, with intervals, the front and labels. */
export function frontPlot(
  points: readonly ScoredPoint[],
  valueOf: (point: ScoredPoint) => number,
  width: number,
  label: string,
  axes: { x: string; y: string },
): Drawn {
  const data = points.map((point) => ({ ...point, x: valueOf(point), y: point.f1 }))
  const machines = [...new Set(data.map(({ machine }) => machine))]
  const own = data.filter(({ machine }) => machine === machines[0])
  const base: Plot.PlotOptions = {
    ...MARGINS,
    width,
    height: HEIGHT,
    x: { type: 'log', label: axes.x, grid: true, nice: false, inset: 24, tickFormat: '~g' },
    y: { label: axes.y, grid: true, inset: 18 },
    color: { domain: machines, range: COLOURS, legend: machines.length > 1 },
    symbol: { domain: machines },
  }
  const marks = [
    Plot.ruleX(data, { x: 'x', y1: 'f1Low', y2: 'f1High', stroke: 'machine', strokeOpacity: 0.25, strokeWidth: 5 }),
    Plot.line(paretoFront(own), { x: 'x', y: 'y', stroke: 'currentColor', strokeOpacity: 0.5, curve: 'step-after' }),
    Plot.dot(data, { x: 'x', y: 'y', r: 5, fill: 'machine', symbol: 'machine', title: titleOf, channels: {} }),
  ]
  const scales = Plot.plot({ ...base, color: { ...base.color, legend: false }, marks }) as SVGSVGElement & Plot.Plot
  const [x, y] = [scales.scale('x')!, scales.scale('y')!]
  const labels = placeLabels(
    own.map((point) => ({ name: point.name, x: x.apply(point.x) as number, y: y.apply(point.y) as number })),
    { left: MARGINS.marginLeft, right: width, top: 0, bottom: HEIGHT - MARGINS.marginBottom },
  )
  const texts = labels.map(({ name, dx, dy, anchor, x: px, y: py }) =>
    Plot.text([{ name }], {
      x: () => x.invert!(px) as number,
      y: () => y.invert!(py) as number,
      text: 'name',
      dx,
      dy,
      textAnchor: anchor,
      fontSize: 11,
      stroke: 'var(--card)',
      strokeWidth: 4,
      fill: 'currentColor',
    }),
  )
  return finish(Plot.plot({ ...base, marks: [...marks, ...texts] }), label)
}

const COLOURS = ['var(--accent)', 'var(--second)', 'var(--third)', 'var(--fourth)']
const titleOf = ({ name, machine, f1, ms, bytes }: ScoredPoint): string =>
  [
    name,
    machine,
    `F1 ${f1.toFixed(3)}`,
    Number.isNaN(ms) ? '' : `${ms.toPrecision(3)} ms`,
    `${(bytes / 1e6).toFixed(2)} MB`,
  ]
    .filter(Boolean)
    .join('\n')

/** A line for each variant; other machines are dashed. */
export function tokensPlot(
  rows: readonly Row<'models'>[],
  nameOf: (variant: string) => string,
  width: number,
  label: string,
  { axes }: Words,
): Drawn {
  const machines = [...new Set(rows.map(({ machine }) => machine))]
  const data = rows.map((row) => ({ ...row, name: nameOf(row.variant), key: `${row.variant} ${row.machine}` }))
  const names = [...new Set(data.map(({ name }) => name))]
  const line = (of: typeof data, dashed: boolean): Plot.Markish =>
    Plot.lineY(of, {
      x: 'tokens',
      y: 'medianMs',
      z: 'key',
      stroke: 'name',
      strokeDasharray: dashed ? '4 3' : undefined,
      marker: 'circle',
    })
  return finish(
    Plot.plot({
      ...MARGINS,
      width,
      height: HEIGHT,
      x: {
        type: 'log',
        base: 2,
        label: axes.tokens,
        grid: true,
        ticks: [...new Set(rows.map(({ tokens }) => tokens))],
        tickFormat: 'd',
      },
      y: { type: 'log', label: axes.ms, grid: true, tickFormat: '~g' },
      color: { domain: names, scheme: 'Observable10', legend: true },
      marks: [
        line(
          data.filter(({ machine }) => machine === machines[0]),
          false,
        ),
        line(
          data.filter(({ machine }) => machine !== machines[0]),
          true,
        ),
      ],
    }),
    label,
  )
}

/** Bars of this machine, marks of others; a panel for each shape. */
export function kernelsPlot(rows: readonly Row<'kernels'>[], width: number, label: string, { axes }: Words): Drawn {
  const machines = [...new Set(rows.map(({ machine }) => machine))]
  const data = rows.map((row) => ({ ...row, name: `${row.op}, ${row.variant}` }))
  const own = data.filter(({ machine }) => machine === machines[0])
  const shapes = new Set(rows.map(({ shape }) => shape)).size
  const names = [...new Set(data.map(({ name }) => name))]
  return finish(
    Plot.plot({
      width,
      height: 44 + shapes * (names.length * 17 + 26),
      marginLeft: 150,
      marginRight: 64,
      marginTop: 28,
      x: { label: axes.gops, grid: true },
      y: { domain: names, label: null },
      fy: { axis: null, padding: 0.12 },
      color: { domain: machines, range: COLOURS, legend: machines.length > 1 },
      marks: [
        Plot.barX(own, { x: 'gops', y: 'name', fy: 'shape', fill: 'machine', insetTop: 1, insetBottom: 1 }),
        Plot.text(own, {
          x: 'gops',
          y: 'name',
          fy: 'shape',
          text: ({ gops }: { gops: number }) => gops.toPrecision(3),
          textAnchor: 'start',
          dx: 4,
        }),
        Plot.tickX(
          data.filter(({ machine }) => machine !== machines[0]),
          { x: 'gops', y: 'name', fy: 'shape', stroke: 'machine', strokeWidth: 3 },
        ),
        Plot.text([...new Set(rows.map(({ shape }) => shape))], {
          fy: (shape: string) => shape,
          text: (shape: string) => shape,
          frameAnchor: 'top-left',
          textAnchor: 'start',
          dx: -144,
          dy: -12,
          fontWeight: 600,
        }),
      ],
    }),
    label,
  )
}

/** Time over the share of weights that are stored; dense layers are dashed lines. */
export function breakEvenPlot(
  rows: readonly Row<'break-even'>[],
  width: number,
  label: string,
  { axes }: Words,
): Drawn {
  const machines = [...new Set(rows.map(({ machine }) => machine))]
  const data = rows.map((row) => ({
    ...row,
    key: `${row.format} ${row.machine}`,
    // other machines are pale
    opacity: row.machine === machines[0] ? 1 : 0.4,
  }))
  const sparse = data.filter(({ density }) => density < 1)
  const dense = data.filter(({ density }) => density === 1)
  return finish(
    Plot.plot({
      ...MARGINS,
      width,
      height: HEIGHT,
      x: { label: axes.density, domain: [0, 0.8], grid: true },
      y: { label: axes.ms, grid: true, zero: true, nice: true },
      opacity: { type: 'identity' },
      color: { domain: [...new Set(data.map(({ format }) => format))], scheme: 'Observable10', legend: true },
      marks: [
        Plot.lineY(sparse, {
          x: 'density',
          y: 'medianMs',
          z: 'key',
          stroke: 'format',
          opacity: 'opacity',
          marker: 'circle',
        }),
        Plot.ruleY(dense, { y: 'medianMs', stroke: 'format', opacity: 'opacity', strokeDasharray: '6 4' }),

        Plot.ruleY([0]),
      ],
    }),
    label,
  )
}
