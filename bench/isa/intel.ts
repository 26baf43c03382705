// Listings of Mesa's ANV: `LABEL3:`, instructions `mad(16) g3<1>F …`, loops end in `while(16) JIP:  LABEL3`.

import { span, type Body, type Instruction } from './loops.ts'
import type { Compiled } from './compiled.ts'

const HEADER =
  /SIMD\d+ shader: \d+ instructions\. \d+ loops\. (\d+) cycles\. (\d+):(\d+) spills:fills.*?(?:GRF registers: (\d+))?/g

export function parseIntel(section: string): Compiled {
  // the last subgroup size that it prints is the one that it keeps
  const header = [...section.matchAll(HEADER)].at(-1)
  const lines = section.slice(header?.index ?? section.length).split('\n')
  const code: Instruction[] = []
  const labels = new Map<string, number>()
  const loops: Body[] = []
  for (const [i, line] of lines.entries()) {
    const label = /^(LABEL\d+):/.exec(line)?.[1]
    if (label !== undefined) labels.set(label, code.length)
    const op = /^(?:\([^)]*\) ?)?([a-z][\w.]*)\(\d+\)/.exec(line)?.[1]
    if (op === undefined) continue
    // what a message is for stands in the next line
    code.push(classify(op, line, lines[i + 1] ?? ''))
    const target = op === 'while' ? labels.get(/JIP: *(LABEL\d+)/.exec(line)?.[1] ?? '') : undefined
    if (target !== undefined) loops.push(span(target, code.length - 1))
  }
  return {
    registers: Number(/GRF registers: (\d+)/.exec(header ? section.slice(header.index) : '')?.[1] ?? 0),
    occupancy: 0,
    cycles: Number(header?.[1] ?? 0),
    spills: Number(header?.[2] ?? 0),
    fills: Number(header?.[3] ?? 0),
    code,
    loops,
  }
}

function classify(op: string, line: string, message: string): Instruction {
  // f32 and f16 alike: halves are not packed
  if (/^mad/.test(op) && /<\d>[HF]*F/.test(line)) return { fma: 1 }
  if (op.startsWith('dp4a')) return { packed: 4 }
  if (op === 'mul' && /<\d>F/.test(line)) return { product: true }
  if (op === 'add' && /<\d>F/.test(line)) return { sum: true }
  if (op.startsWith('dpas')) return { matrix: true }
  if (op.startsWith('send')) {
    if (/bti 25[0-9]|slm/i.test(message)) return { shared: true }
    return /scratch|spill/i.test(message) ? { spill: true } : { memory: true }
  }
  return {}
}
