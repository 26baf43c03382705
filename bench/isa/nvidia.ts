// Listings of Mesa's NVK, compiler NAK: `block 3 … [1, 2] -> {`, instructions `r3 = ffma r1 r2 r3`, `} -> [4, 5]`.

import { naturalLoops, type Block, type Instruction } from './loops.ts'
import { numberAfter, type Compiled } from './compiled.ts'

export function parseNvidia(section: string): Compiled {
  const start = section.lastIndexOf('NAK IR')
  const end = section.indexOf('\nStage:', start)
  const code: Instruction[] = []
  const blocks: Block[] = []
  let open: Block | null = null
  for (const line of section.slice(Math.max(start, 0), end).split('\n')) {
    const id = /^block\S* (\d+) /.exec(line)?.[1]
    const next = /^\} -> \[([\d, ]*)\]/.exec(line)?.[1]
    if (id !== undefined) blocks.push((open = { id: Number(id), first: code.length, length: 0, next: [] }))
    else if (next !== undefined && open) {
      open.length = code.length - open.first
      open.next = next.split(',').flatMap((one) => (one.trim() === '' ? [] : [Number(one)]))
      open = null
    } else if (open) {
      const text = line.replace(/\/\/.*$/, '').trim()
      if (text !== '') code.push(classify(operation(text)))
    }
  }
  return {
    registers: numberAfter(section, 'Num GPRs'),
    occupancy: numberAfter(section, 'Max warps/SM'),
    spills: numberAfter(section, 'Spills to mem') + numberAfter(section, 'Spills to reg'),
    fills: numberAfter(section, 'Fills from mem') + numberAfter(section, 'Fills from reg'),
    cycles: numberAfter(section, 'Static cycle count'),
    code,
    loops: naturalLoops(blocks),
  }
}

/** Behind a predicate and the registers that it writes. */
const operation = (text: string): string =>
  text
    .replace(/^@!?u?p\w+\s+/, '')
    .replace(/^[\w{}. [\]]*?\s*=\s+/, '')
    .split(/\s/)[0]

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
