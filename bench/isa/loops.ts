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

/** The instructions of a loop, by their places, which rise. */
export type Body = readonly number[]

/** From a loop's first instruction to its jump back, where those between all belong to it. */
export const span = (first: number, last: number): Body => Array.from({ length: last - first + 1 }, (_, i) => first + i)

const holds = (outer: Body, inner: Body): boolean => {
  if (outer.length <= inner.length) return false
  const places = new Set(outer)
  return inner.every((place) => places.has(place))
}

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

/** What a shader says of a loop that holds others: how often those run for one turn of it. */
export interface Nest {
  /** multiply-adds of one thread in each loop inside, in their order; attention's scores and values */
  macs: number[]
  /** turns of the loops inside that multiply nothing, and mostly copy to workgroup memory */
  otherTurns: number
}

/** The loop with most multiply-adds of those that hold no other with any, or where the shader says so, one that does. */
export function hotLoop(code: Instruction[], bodies: Body[], nest?: Nest): Loop | null {
  const unique = [...new Map(bodies.map((body) => [body.join(), body])).values()]
  const isWork = (body: Body): boolean => work(countBody(code, body)) > 0
  const multiplying = unique.filter(isWork)
  if (multiplying.length === 0) return null
  const inner = innermost(multiplying)
  if (!nest) return inner.map((body) => countBody(code, body)).sort((a, b) => work(b) - work(a))[0]
  const others = innermost(unique).filter((body) => !isWork(body))
  return outerLoop(code, multiplying, inner, others, nest)
}

const countBody = (code: Instruction[], body: Body): Loop => countLoop(body.map((place) => code[place]))

const work = ({ macs, matrices }: Loop): number => macs + matrices * 1000

const innermost = (bodies: Body[]): Body[] => bodies.filter((body) => !bodies.some((other) => holds(body, other)))

/** The longest loop that holds most of those that multiply, with the turns of all that it holds. */
function outerLoop(code: Instruction[], multiplying: Body[], inner: Body[], others: Body[], nest: Nest): Loop {
  const held = (body: Body): number => inner.filter((one) => one === body || holds(body, one)).length
  const outer = multiplying.toSorted((a, b) => held(b) - held(a) || b.length - a.length)[0]
  const inside = inner.filter((body) => holds(outer, body)).toSorted((a, b) => a[0] - b[0])
  const total = countBody(code, outer)
  const repeat = (loop: Loop, turns: number): void => {
    for (const key of ['instructions', 'memory', 'shared', 'spills'] as const) total[key] += (turns - 1) * loop[key]
  }
  const loops = inside.map((body) => countBody(code, body))
  const all = nest.macs.reduce((sum, macs) => sum + macs, 0)
  const unrolled = total.macs - loops.reduce((sum, { macs }) => sum + macs, 0)
  // one loop left of two: it makes what the code around it does not
  const share = (i: number): number => (loops.length === nest.macs.length ? nest.macs[i] : all - unrolled)
  loops.forEach((loop, i) => repeat(loop, Math.round(share(i) / loop.macs)))
  for (const body of others) if (holds(outer, body)) repeat(countBody(code, body), nest.otherTurns)
  // other products than these are factors of sums that are scaled anew
  return { ...total, macs: all }
}

/** A block of instructions without a jump in it: its first place, its length, the numbers of the blocks that may follow. */
export interface Block {
  id: number
  first: number
  length: number
  next: number[]
}

/**
 * The natural loops of a program whose blocks stand in any order: a block that is only reached through one that it may jump
 * to, and all between.
 */
export function naturalLoops(blocks: Block[]): Body[] {
  const at = new Map(blocks.map(({ id }, i) => [id, i]))
  const next = blocks.map((block) => block.next.flatMap((id) => at.get(id) ?? []))
  const before = blocks.map((_, i) => blocks.flatMap((_, j) => (next[j].includes(i) ? [j] : [])))
  const loops = new Map<number, Set<number>>()
  for (const [end, targets] of next.entries())
    for (const head of targets) {
      if (!dominates(head, end, next)) continue
      const body = loops.get(head) ?? new Set([head])
      const open = [end]
      for (let i = open.pop(); i !== undefined; i = open.pop())
        if (!body.has(i)) {
          body.add(i)
          open.push(...before[i])
        }
      loops.set(head, body)
    }
  return [...loops.values()].map((body) =>
    [...body].flatMap((i) => span(blocks[i].first, blocks[i].first + blocks[i].length - 1)).sort((a, b) => a - b),
  )
}

/** True where no way from the first block to `end` leaves `head` out. */
function dominates(head: number, end: number, next: number[][]): boolean {
  if (head === end || head === 0) return true
  if (end === 0) return false
  const seen = new Set([0, head])
  const open = [0]
  for (let i = open.pop(); i !== undefined; i = open.pop())
    for (const target of next[i]) {
      if (target === end) return false
      if (!seen.has(target)) {
        seen.add(target)
        open.push(target)
      }
    }
  return true
}
