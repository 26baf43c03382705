// Listings of Mesa's NVK, compiler NAK: `block 3 … [1, 2] -> {`, instructions `r3 = ffma r1 r2 r3`, `} -> [4, 5]`.

import type { Instruction, Range } from './loops.ts'
import { numberAfter, type Compiled } from './compiled.ts'

export function parseNvidia(section: string): Compiled {
  const start = section.lastIndexOf('NAK IR')
  const end = section.indexOf('\nStage:', start)
  const code: Instruction[] = []
  const starts = new Map<number, number>()
  const loops: Range[] = []
  let isInBlock = false
  for (const line of section.slice(Math.max(start, 0), end).split('\n')) {
    const block = /^block\S* (\d+) /.exec(line)?.[1]
    if (block !== undefined) {
      starts.set(Number(block), code.length)
      isInBlock = true
      continue
    }
    const next = /^\} -> \[([\d, ]*)\]/.exec(line)?.[1]
    if (next !== undefined) {
      isInBlock = false
      for (const target of next
        .split(',')
        .filter((one) => one.trim() !== '')
        .map(Number)) {
        const first = starts.get(target)
        if (first !== undefined) loops.push({ first, last: code.length - 1 })
      }
      continue
    }
    const text = isInBlock ? line.replace(/\/\/.*$/, '').trim() : ''
    if (text !== '')
      code.push(
        classify(
          text
            .replace(/^@!?u?p\w+\s+/, '')
            .replace(/^[\w{}. [\]]*?\s*=\s+/, '')
            .split(/\s/)[0],
        ),
      )
  }
  return {
    registers: numberAfter(section, 'Num GPRs'),
    occupancy: numberAfter(section, 'Max warps/SM'),
    spills: numberAfter(section, 'Spills to mem') + numberAfter(section, 'Spills to reg'),
    fills: numberAfter(section, 'Fills from mem') + numberAfter(section, 'Fills from reg'),
    cycles: numberAfter(section, 'Static cycle count'),
    code,
    loops,
  }
}

function classify(op: string): Instruction {
  if (op.startsWith('ffma')) return { fma: 1 }
  if (op.startsWith('hfma2')) return { packed: 2 }
  if (op.startsWith('idp4')) return { packed: 4 }
  if (op.startsWith('fmul')) return { product: true }
  if (op.startsWith('fadd')) return { sum: true }
  if (/^(imma|hmma)/.test(op)) return { matrix: true }
  if (/^(ld|st)\.shared/.test(op)) return { shared: true }
  if (/^(ld|st)\.local/.test(op)) return { spill: true }
  if (/^(ld|st)\.global/.test(op)) return { memory: true }
  return {}
}
