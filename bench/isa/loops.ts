// Loops of machine code, and what is in them.

/** What one instruction does, as far as the table asks. */
export interface Instruction {
  /** multiply-adds of f32 of one thread */
  fma?: number
  /** multiply-adds of bytes or halves in one instruction: 4 or 2; where a loop has these, its others are no products of it */
  packed?: number
  /** a multiply-add of integers: of bytes where a machine has no dot, else of addresses */
  integer?: true
  /** half a multiply-add */
  product?: true
  sum?: true
  /** multiply-adds of a whole subgroup: an instruction of matrix units */
  matrix?: true
  /** to or from memory that all workgroups share; workgroup memory; registers that did not fit */
  memory?: true
  shared?: true
  spill?: true
}

export interface Loop {
  instructions: number
  /** multiply-adds of one thread */
  macs: number
  matrices: number
  memory: number
  shared: number
  spills: number
}

/** From the first instruction of a loop to its jump back. */
export interface Range {
  first: number
  last: number
}

const holds = (outer: Range, inner: Range): boolean =>
  outer !== inner && outer.first <= inner.first && inner.last <= outer.last

export function countLoop(code: Instruction[]): Loop {
  const of = (what: keyof Instruction): number => code.filter((instruction) => instruction[what]).length
  const add = (what: 'fma' | 'packed'): number => code.reduce((sum, instruction) => sum + (instruction[what] ?? 0), 0)
  // a compiler that may not fuse what it must round begins a sum with a product and ends it with an addition
  const float = add('fma') + Math.min(of('product'), of('sum'))
  return {
    instructions: code.length,
    macs: add('packed') || (add('fma') > 0 || of('integer') === 0 ? float : of('integer')),
    matrices: of('matrix'),
    memory: of('memory'),
    shared: of('shared'),
    spills: of('spill'),
  }
}

/**
 * The loop with most multiply-adds of those that hold no other with any; with the turns of loops inside where the shader's
 * constants are known.
 *
 * @param halves multiply-adds of each of the loops that a compiler may keep inside, in their order, where the shader has
 * several in one outer loop: attention's scores and values
 */
export function hotLoop(code: Instruction[], ranges: Range[], halves: number[] = []): Loop | null {
  const count = ({ first, last }: Range): Loop => countLoop(code.slice(first, last + 1))
  const unique = [...new Map(ranges.map((range) => [`${range.first} ${range.last}`, range])).values()]
  const multiplying = unique.filter((range) => count(range).macs > 0 || count(range).matrices > 0)
  if (multiplying.length === 0) return null
  const inner = multiplying.filter((range) => !multiplying.some((other) => holds(range, other)))
  const work = ({ macs, matrices }: Loop): number => macs + matrices * 1000
  if (halves.length > 0) return outerLoop(code, multiplying, inner, halves)
  return inner.map(count).sort((a, b) => work(b) - work(a))[0]
}

function outerLoop(code: Instruction[], multiplying: Range[], inner: Range[], halves: number[]): Loop {
  const most = (range: Range): number => inner.filter((one) => one === range || holds(range, one)).length
  const outer = multiplying.toSorted((a, b) => most(b) - most(a) || b.last - b.first - (a.last - a.first))[0]
  const inside = inner.filter((range) => holds(outer, range)).toSorted((a, b) => a.first - b.first)
  const total = countLoop(code.slice(outer.first, outer.last + 1))
  const expected = halves.reduce((sum, macs) => sum + macs, 0)
  const own = total.macs - inside.reduce((sum, { first, last }) => sum + countLoop(code.slice(first, last + 1)).macs, 0)
  inside.forEach(({ first, last }, i) => {
    const loop = countLoop(code.slice(first, last + 1))
    // one loop left: it makes what the code around it does not
    const turns = Math.round((inside.length === halves.length ? halves[i] : expected - own) / loop.macs)
    for (const key of ['instructions', 'memory', 'shared', 'spills'] as const) total[key] += (turns - 1) * loop[key]
  })
  // the rest are factors of sums that are scaled anew
  return { ...total, macs: expected }
}
