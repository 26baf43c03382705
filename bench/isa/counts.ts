// What npm run isa found, as it is kept beside this file.

import { readFileSync, writeFileSync } from 'node:fs'
import type { Loop } from './loops.ts'
import type { TargetName } from './targets.ts'

export type ShaderCounts =
  | { error: string }
  | {
      registers: number
      occupancy: number
      spills: number
      fills: number
      cycles: number
      instructions: number
      hot: Loop | null
    }

export interface Counts {
  /** driver and version */
  driver: string
  shaders: Record<string, ShaderCounts>
}

const FILE = new URL('counts.json', import.meta.url)

export const ISA_COUNTS = JSON.parse(readFileSync(FILE, 'utf8')) as Partial<Record<TargetName, Counts>>

/** One line to a shader, so that a change shows as such. */
export function writeCounts(counts: Partial<Record<TargetName, Counts>>): void {
  const targets = Object.entries(counts).map(([target, { driver, shaders }]) => {
    const lines = Object.entries(shaders)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([name, shader]) => `      ${JSON.stringify(name)}: ${JSON.stringify(shader)}`)
    return `  ${JSON.stringify(target)}: {\n    "driver": ${JSON.stringify(driver)},\n    "shaders": {\n${lines.join(',\n')}\n    }\n  }`
  })
  writeFileSync(FILE, `{\n${targets.join(',\n')}\n}\n`)
}
