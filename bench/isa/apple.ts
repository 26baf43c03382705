// Listings of Mesa's driver for Apple's GPUs: `  1a: 3e05… ffma …`, jumps by distance. The first program is the main one.

import { span, type Body, type Instruction } from './loops.ts'
import type { Compiled } from './compiled.ts'

const STATS =
  /CS shader: \d+ instrs, (\d+) alu, .*?(\d+) gprs, \d+ uniforms, (\d+) scratch, (\d+) threads, \d+ loops, (\d+):(\d+) spills/

export function parseApple(section: string): Compiled {
  const [, alu, registers, , threads, spills, fills] = STATS.exec(section) ?? []
  const listed = Array.from(section.matchAll(/^ *([0-9a-f]+): [0-9a-f]+ +(.*)$/gm), ([, at, text]) => ({
    at: parseInt(at, 16),
    text,
  }))
  const second = listed.findIndex(({ at }, i) => i > 0 && at < listed[i - 1].at)
  const main = second < 0 ? listed : listed.slice(0, second)
  const loops: Body[] = main.flatMap(({ at, text }, last) => {
    const distance = Number(/^jmp\S*\s+(-\d+)/.exec(text)?.[1] ?? 0)
    const first = distance < 0 ? main.findIndex((other) => other.at >= at + distance) : -1
    return first >= 0 && first < last ? [span(first, last)] : []
  })
  return {
    registers: Number(registers ?? 0),
    occupancy: Number(threads ?? 0),
    spills: Number(spills ?? 0),
    fills: Number(fills ?? 0),
    cycles: Number(alu ?? 0),
    code: main.map(({ text }) => classify(text)),
    loops,
  }
}

function classify(text: string): Instruction {
  if (/^[fh]fma/.test(text)) return { fma: 1 }
  if (/^imadd/.test(text)) return { integer: true }
  if (/^fmul/.test(text)) return { product: true }
  if (/^fadd/.test(text)) return { sum: true }
  if (/^(lload|lstore|local_(load|store))/.test(text)) return { shared: true }
  if (/^(device_)?(load|store)|^(ld|st)_/.test(text)) return { memory: true }
  return text.startsWith('stack_') ? { spill: true } : {}
}
