// Counts as a table to read.

import type { Counts, ShaderCounts } from './counts.ts'
import { TARGETS, type TargetName } from './targets.ts'

const perMac = (instructions: number, macs: number): string => (macs > 0 ? (instructions / macs).toFixed(2) : '-')

function cells(shader: ShaderCounts): string[] {
  if ('error' in shader) return [`refused: ${shader.error}`]
  const { registers, occupancy, spills, fills, cycles, hot } = shader
  const loop = hot
    ? [hot.instructions, hot.macs, perMac(hot.instructions, hot.macs), hot.shared, hot.memory]
    : ['-', '-', '-', '-', '-']
  return [registers, occupancy || '-', `${spills}:${fills}`, cycles, ...loop].map(String)
}

const HEAD = [
  'shader',
  'registers',
  'occupancy',
  'spills:fills',
  'cycles',
  'loop',
  'multiply-adds',
  'each',
  'shared',
  'memory',
]

export function tableLines(target: TargetName, { driver, shaders }: Counts): string[] {
  const rows = Object.entries(shaders).map(([name, shader]) => [name, ...cells(shader)])
  const line = (row: string[]): string => `| ${row.join(' | ')} |`
  return [`${TARGETS[target].name}, ${driver}`, '', line(HEAD), line(HEAD.map(() => '---')), ...rows.map(line)]
}

export function printTable(target: TargetName, counts: Counts): void {
  console.log(`${tableLines(target, counts).join('\n')}\n`)
}
