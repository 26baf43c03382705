// Chains of factors with one input in common, query, key and value say: their first factors are put side by side, so that
// one dispatch makes all ranks, and so do those after them. First factors that are one and the same run once.
//
//   x -> q0 -> q1    x -> k0 -> k1    x -> v0 -> v1      becomes, in dense f32,
//   x -> [q0 | k0 | v0] -> q1, k1, v1, each reading its part of the row
//
// Other kinds keep a buffer for each factor, so that the first ones alone are one dispatch.

import type { BufferId, BufferSpec } from '../../program/program.ts'
import type { DenseWeight } from '../../program/weights.ts'
import { padded } from '../call.ts'
import { isFactorOf, isStoredAlike, MOST_MERGED, type GpuOp, type GpuProgram, type LinearOp } from './gpu-program.ts'

export function groupChains(program: GpuProgram): GpuProgram {
  const buffers = [...program.buffers]
  const ops: GpuOp[] = []
  const inner = new Map<string, BufferId>()
  const known: SideBySide[] = []
  const bufferOf = (rows: BufferSpec['rows'], width: number, which: string): BufferId => {
    const key = `${rows} ${width} ${which}`
    let id = inner.get(key)
    if (id === undefined) {
      id = buffers.push({ name: `ranks ${which} of ${width}`, rows, width, dtype: 'f32' }) - 1
      inner.set(key, id)
    }
    return id
  }
  for (let i = 0; i < program.ops.length;) {
    const chains = chainsAt(program, i)
    if (chains.length < 2) {
      ops.push(program.ops[i++])
      continue
    }
    i += chains.length * chains[0].length
    const { rows } = program.buffers[chains[0][0].output]
    if (chains.every(isDensePair)) {
      const weights = chains.flatMap((chain) => chain.map(({ weight }) => weight as DenseWeight))
      // those of a layer that is applied several times are packed once
      let found = known.find(
        ({ of }) => of.length === weights.length && of.every((weight, at) => weight === weights[at]),
      )
      if (!found) known.push((found = sideBySide(weights)))
      const { stacked, stride, places, lasts } = found
      const output = bufferOf(rows, stacked.N, 'side by side')
      ops.push({ ...chains[0][0], weight: stacked, output })
      chains.forEach(([, last], part) => {
        const weight = lasts[part]
        const op: LinearOp = { ...last, input: output, inputStart: places[part] * padded(stride), weight }
        ops.push(op)
      })
      continue
    }
    const inputs = chains.map(([{ input }]) => input)
    chains[0].forEach((_, level) => {
      chains.forEach((chain, part) => {
        const isLast = level === chain.length - 1
        const op = { ...chain[level], input: inputs[part] }
        inputs[part] = isLast ? op.output : bufferOf(rows, op.weight.N, `${level} ${part}`)
        ops.push({ ...op, output: inputs[part] })
      })
    })
  }
  return { ...program, buffers, ops }
}

const isDensePair = (chain: LinearOp[]): boolean =>
  chain.length === 2 && chain.every(({ weight }) => weight.kind === 'f32')

/** Up to three chains of like factors that begin at op `i`, one after another, and read one buffer. */
function chainsAt(program: GpuProgram, i: number): LinearOp[][] {
  const first = chainAt(program, i)
  if (first.length < 2) return []
  const chains = [first]
  for (let at = i + first.length; chains.length < MOST_MERGED; at += first.length) {
    const next = chainAt(program, at)
    if (next.length !== first.length || next[0].input !== first[0].input) break
    if (program.buffers[next[0].output].rows !== program.buffers[first[0].output].rows) break
    if (next.some(({ weight }, level) => weight.kind !== first[level].weight.kind)) break
    // its first factor would run before they have written what it reads
    if (chains.flat().some(({ output }) => output === next[0].input)) break
    if (!chains.every((chain) => areMergeable(chain.at(-1)!, next.at(-1)!))) break
    if (!isStoredAlike(next[0].weight, first[0].weight)) break
    chains.push(next)
  }
  return chains
}

/** True where the last factors of two chains can be one dispatch once their inputs are side by side. */
const areMergeable = (a: LinearOp, b: LinearOp): boolean =>
  a.residual === null && b.residual === null && a.activation === b.activation && a.output !== b.output

/** The linear ops from `i` on of which each reads what the one before it wrote for it alone, as it was summed. */
function chainAt(program: GpuProgram, i: number): LinearOp[] {
  const chain: LinearOp[] = []
  for (let at = i; ; at++) {
    const op = program.ops.at(at)
    if (op?.kind !== 'linear') break
    chain.push(op)
    if (!isFactorOf(program, op, program.ops.at(at + 1), at + 1)) break
  }
  return chain
}

/** Chains of two dense factors with the first ones below each other. */
interface SideBySide extends ReturnType<typeof stack> {
  /** first, last, first, last, ... */
  of: DenseWeight[]
  lasts: DenseWeight[]
}

function sideBySide(of: DenseWeight[]): SideBySide {
  const stacked = stack(of.filter((_, i) => i % 2 === 0))
  const lasts = of.filter((_, i) => i % 2 === 1).map((weight) => widened(weight, stacked.stride))
  return { of, ...stacked, lasts }
}

/** Factors below each other, each distinct one once, with rows of zeros to the same number of them. */
function stack(factors: DenseWeight[]): { stacked: DenseWeight; stride: number; places: number[] } {
  const [{ K }] = factors
  // a sparse weight that runs dense makes its data anew whenever it is asked: once for each weight
  const known = new Map(factors.map((factor) => [factor, factor.data]))
  const distinct = [...new Set(known.values())]
  const stride = Math.max(...factors.map(({ N }) => N))
  const data = new Float32Array(distinct.length * padded(stride) * K)
  distinct.forEach((factor, i) => data.set(factor, i * padded(stride) * K))
  const stacked: DenseWeight = { kind: 'f32', N: distinct.length * padded(stride), K, data }
  return { stacked, stride, places: factors.map((factor) => distinct.indexOf(known.get(factor)!)) }
}

/** The weight for K inputs, those that it does not have with zeros. */
function widened(weight: DenseWeight, K: number): DenseWeight {
  if (weight.K === K) return weight
  const { N, K: own, data: narrow } = weight
  const data = new Float32Array(N * K)
  for (let n = 0; n < N; n++) data.set(narrow.subarray(n * own, (n + 1) * own), n * K)
  return { kind: 'f32', N, K, data }
}
