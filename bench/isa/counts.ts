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

type StoredCounts = Partial<Record<TargetName, Counts>>

const readCounts = (): StoredCounts => JSON.parse(readFileSync(FILE, 'utf8')) as StoredCounts

export const ISA_COUNTS = readCounts()

/**
 * Stores what was found for a target, one line to a shader, so that a change shows as such.
 *
 * @param isAll else what is stored of other shaders stays
 */
export function storeCounts(target: TargetName, { driver, shaders }: Counts, isAll: boolean): void {
  // anew: another run may have stored its own since this one began
  const stored = readCounts()
  stored[target] = { driver, shaders: { ...(isAll ? {} : stored[target]?.shaders), ...shaders } }
  const targets = Object.entries(stored).map(([name, counts]) => {
    const lines = Object.entries(counts.shaders)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([shader, found]) => `      ${JSON.stringify(shader)}: ${JSON.stringify(found)}`)
    const head = `  ${JSON.stringify(name)}: {\n    "driver": ${JSON.stringify(counts.driver)},\n    "shaders": {`
    return `${head}\n${lines.join(',\n')}\n    }\n  }`
  })
  writeFileSync(FILE, `{\n${targets.join(',\n')}\n}\n`)
}
