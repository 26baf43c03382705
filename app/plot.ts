// Horizontal bars as SVG, one group a shape.

import type { KernelResult } from './messages.ts'

const WIDTH = 760
const LEFT = 190
const RIGHT = 160
const LINE = 22

const escape = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`)

/** Rates as bars from 0; within each shape a line marks where dense f32 ends. */
export function plotKernels(results: KernelResult[]): string {
  const shapes = [...new Set(results.map((result) => result.shape))]
  const largest = Math.max(...results.map((result) => result.gops))
  const x = (gops: number): number => LEFT + (gops / largest) * (WIDTH - LEFT - RIGHT)
  let y = 0
  const parts: string[] = []
  for (const shape of shapes) {
    const group = results.filter((result) => result.shape === shape)
    y += LINE
    parts.push(`<text x="0" y="${y - 6}" font-weight="600">${escape(shape)}</text>`)
    const dense = group.find((result) => result.op === 'f32')
    if (dense) {
      const at = x(dense.gops).toFixed(1)
      parts.push(`<line class="reference" x1="${at}" x2="${at}" y1="${y}" y2="${y + group.length * LINE}"/>`)
    }
    for (const { op, variant, gops, medianMs, maxError } of group) {
      const middle = y + LINE / 2
      const error = `max error ${maxError.toExponential(1)}`
      parts.push(
        `<text x="${LEFT - 8}" y="${middle + 4}" text-anchor="end">${escape(`${op} ${variant}`)}</text>`,
        `<rect class="bar" x="${LEFT}" y="${y + 3}" width="${(x(gops) - LEFT).toFixed(1)}" height="${LINE - 6}" rx="3"><title>${error}</title></rect>`,
        `<text class="small" x="${(x(gops) + 6).toFixed(1)}" y="${middle + 4}">${gops.toFixed(1)} Gop/s, ${medianMs.toPrecision(3)} ms</text>`,
      )
      y += LINE
    }
    y += LINE / 2
  }
  return `<svg viewBox="0 0 ${WIDTH} ${y}" role="img" aria-label="rates of the kernels">${parts.join('')}</svg>`
}
