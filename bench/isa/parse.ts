// From what a driver prints of one shader to counts.

import { parseAmd } from './amd.ts'
import { parseApple } from './apple.ts'
import type { Compiled } from './compiled.ts'
import { parseIntel } from './intel.ts'
import { parseNvidia } from './nvidia.ts'
import type { Vendor } from './targets.ts'

const PARSERS: Record<Vendor, (section: string) => Compiled> = {
  amd: parseAmd,
  intel: parseIntel,
  nvidia: parseNvidia,
  apple: parseApple,
}

export interface Section {
  name: string
  compiled: Compiled | null
  /** why there is no code */
  error?: string
}

export interface Printed {
  /** driver and version, as the adapter says */
  driver: string
  sections: Section[]
}

/** @throws where a driver prints nothing that can be read: another version writes otherwise */
export function parsePrinted(text: string, vendor: Vendor): Printed {
  const driver = /^=====ADAPTER (.*)$/m.exec(text)?.[1]
  if (driver === undefined) throw new Error(`no adapter started; the driver says:\n${text.slice(-2000)}`)
  const sections = text
    .split(/^=====BEGIN /m)
    .slice(1)
    .map((section): Section => {
      const name = section.slice(0, section.indexOf('\n'))
      const error = /^=====ERROR (.*)$/m.exec(section)?.[1]
      if (error !== undefined) return { name, compiled: null, error: error.slice(0, 160) }
      const compiled = PARSERS[vendor](section.slice(0, section.indexOf('\n=====END')))
      if (compiled.code.length === 0)
        throw new Error(`${name}: expected machine code of ${driver}, found none; its listing has another form`)
      return { name, compiled }
    })
  return { driver, sections }
}
