// Listings of Mesa's RADV, compiler ACO: blocks `BB3:`, instructions `\tv_fma_f32 v0, …; 0123abcd`.

import { span, type Body, type Instruction } from './loops.ts'
import { numberAfter, type Compiled } from './compiled.ts'

export function parseAmd(section: string): Compiled {
  const stats = section.slice(section.lastIndexOf('*** SHADER STATS'))
  const listing = section.slice(section.lastIndexOf('\ndisasm:'), section.lastIndexOf('*** SHADER STATS'))
  const code: Instruction[] = []
  const starts = new Map<string, number>()
  const loops: Body[] = []
  for (const line of listing.split('\n')) {
    const block = /^(BB\d+):/.exec(line)?.[1]
    if (block !== undefined) starts.set(block, code.length)
    const [, op, rest] = /^\t([a-z]\w*)(.*)/.exec(line) ?? []
    if (op === undefined) continue
    code.push(classify(op, rest))
    // blocks stand in the order of the code: a jump to an earlier one closes a loop
    const target = /^s_c?branch/.test(op) ? starts.get(/BB\d+/.exec(rest)?.[0] ?? '') : undefined
    if (target !== undefined) loops.push(span(target, code.length - 1))
  }
  return {
    registers: numberAfter(stats, 'VGPRs'),
    occupancy: numberAfter(stats, 'Subgroups per SIMD'),
    spills: numberAfter(stats, 'Spilled VGPRs') + numberAfter(stats, 'Spilled SGPRs'),
    fills: 0,
    cycles: numberAfter(stats, 'Inverse Throughput'),
    code,
    loops,
  }
}

function classify(op: string, rest: string): Instruction {
  // two in one
  if (op.startsWith('v_dual')) return { fma: `${op}${rest}`.match(/v_dual_fma/g)?.length ?? 0 }
  if (/^v_(fma|mad)\w*_f32/.test(op)) return { fma: 1 }
  if (/^v_mul_f32/.test(op)) return { product: true }
  if (/^v_(add|sub)_f32/.test(op)) return { sum: true }
  if (/^v_pk_fma/.test(op)) return { packed: 2 }
  if (/^v_dot4/.test(op)) return { packed: 4 }
  if (/^v_wmma/.test(op)) return { matrix: true }
  if (op.startsWith('ds_')) return { shared: true }
  if (op.startsWith('scratch_')) return { spill: true }
  if (/^(buffer|global|flat)_/.test(op)) return { memory: true }
  return {}
}
