// Times the variants of a session's linear layers. Where a variant does the work of the call before the layer (a
// quantization, a first factor) or of the LayerNorm after it, those without it are timed with those calls: what is
// compared is whole.

import type { BufferId } from '../program/program.ts'
import { chosenVariant, defaultVariant, rowClass, type CallVariant, type KernelCall } from './call.ts'
import type { GpuContext } from './context.ts'
import { timeDispatches, type ReadyDispatch, type Timer } from './time-dispatches.ts'
import { agrees, candidatesOf, fastest, variantName, type TunedShape } from './tune.ts'

export interface TunableCall<V extends CallVariant = CallVariant> extends Pick<
  KernelCall,
  'rows' | 'readers' | 'writer' | 'tuning'
> {
  variants: V[]
  /** by class of rows, the variant that was timed fastest; null where none was */
  tuned: Map<number, V | null>
}

/** What a session lends for timing; the inputs of every layer are there, and a layer that is run again writes what it wrote. */
export interface Bench<V extends CallVariant> {
  context: GpuContext
  timer: Timer
  dispatch(variant: V, rows: number): ReadyDispatch
  written(id: BufferId, rows: number): { buffer: GPUBuffer; offset: number; size: number }
}

/** The variants of call `i` that are worth comparing at so many rows, the default first. */
export function candidatesAt<V extends CallVariant>(calls: TunableCall<V>[], i: number, rows: number): V[] {
  const { variants } = calls[i]
  return candidatesOf(variants, defaultVariant(variants, rows), rows, isFree(calls, i))
}

/** True where no other call reads what the calls write whose work variants of call `i` do. */
const isFree = (calls: TunableCall[], i: number): boolean =>
  calls.every(({ readers }) => !readers?.includes(i) || readers.length === 1)

/** The variants, of call `i` and beside it, that do all the work that any candidate does, in order, where it takes `variant`. */
function allWorkOf<V extends CallVariant>(
  calls: TunableCall<V>[],
  i: number,
  variant: V,
  candidates: V[],
  rows: number,
): V[] {
  const variantsOf = (others: TunableCall<V>[]): V[] => others.map((other) => chosenVariant(other, rows))
  const before = candidates.some(({ row }) => row.includesBefore) && !variant.row.includesBefore
  const after = candidates.some(({ row }) => row.normalizes) && !variant.row.normalizes
  return [
    ...variantsOf(before ? calls.filter(({ readers }) => readers?.includes(i)) : []),
    variant,
    ...variantsOf(after ? calls.filter(({ writer }) => writer === i) : []),
  ]
}

/** Times what has not been timed here or in an earlier session, and keeps the choices. */
export async function tuneCalls<V extends CallVariant>(
  calls: TunableCall<V>[],
  rowsOf: Record<KernelCall['rows'], number>,
  bench: Bench<V>,
): Promise<TunedShape[]> {
  const { tuning, halfProducts } = bench.context
  const found: TunedShape[] = []
  for (const [i, call] of calls.entries()) {
    const rows = rowsOf[call.rows]
    if (!call.tuning || call.tuned.get(rowClass(rows))) continue
    const candidates = candidatesAt(calls, i, rows)
    const { shape, outputs, normalized } = call.tuning
    let variant = tuning.chosen(shape, rows, candidates)
    if (!variant && candidates.length > 1) {
      const compared = candidates.some(({ row }) => row.normalizes) ? [normalized!] : outputs
      const timed = await timeDispatches(
        bench.context,
        bench.timer,
        candidates.map((candidate) =>
          allWorkOf(calls, i, candidate, candidates, rows).map((one) => bench.dispatch(one, rows)),
        ),
        compared.map((id) => bench.written(id, rows)),
      )
      const us = timed.map(({ us, outputs }) =>
        outputs.every((output, o) => agrees(output, timed[0].outputs[o], halfProducts)) ? us : null,
      )
      variant = candidates[fastest(us)]
      tuning.keep(shape, rows, variant)
      found.push({
        shape,
        rows: rowClass(rows),
        chosen: variantName(variant),
        us: Object.fromEntries(candidates.map((candidate, c) => [variantName(candidate), us[c]])),
      })
    }
    if (variant) call.tuned.set(rowClass(rows), variant)
  }
  return found
}
