// Times the forms of a session's linear layers. Where a form does the work of the call before the layer (a quantization, a
// first factor) or of the LayerNorm after it, the way without it is timed with those calls: what is compared is whole.

import type { BufferId } from '../program/program.ts'
import { chosenForm, defaultForm, rowClass, type Form, type KernelCall } from './call.ts'
import type { GpuContext } from './context.ts'
import { timeForms, type ReadyDispatch, type Timer } from './time-forms.ts'
import { agrees, candidatesOf, fastest, formName, type TunedShape } from './tune.ts'

export interface TunableCall<F extends Form = Form> extends Pick<KernelCall, 'rows' | 'readers' | 'writer' | 'tuning'> {
  forms: F[]
  /** by class of rows, the form that was timed fastest; null where none was */
  tuned: Map<number, F | null>
}

/** What a session lends for timing; the inputs of every layer are there, and a layer that is run again writes what it wrote. */
export interface Bench<F extends Form> {
  context: GpuContext
  timer: Timer
  dispatch(form: F, rows: number): ReadyDispatch
  written(id: BufferId, rows: number): { buffer: GPUBuffer; offset: number; size: number }
}

/** The forms of call `i` that are worth comparing at so many rows, the default first. */
export function candidatesAt<F extends Form>(calls: TunableCall<F>[], i: number, rows: number): F[] {
  const { forms } = calls[i]
  return candidatesOf(forms, defaultForm(forms, rows), rows, isFree(calls, i))
}

/** True where the calls that forms of call `i` stand for hang on no other call. */
const isFree = (calls: TunableCall[], i: number): boolean =>
  calls.every(({ readers }) => !readers?.includes(i) || readers.length === 1)

/** The forms that do all the work that any candidate of call `i` does, in order, where it takes `form`. */
function wayOf<F extends Form>(calls: TunableCall<F>[], i: number, form: F, candidates: F[], rows: number): F[] {
  const formsOf = (others: TunableCall<F>[]): F[] => others.map((other) => chosenForm(other, rows))
  const before = candidates.some(({ includesBefore }) => includesBefore) && !form.includesBefore
  const after = candidates.some(({ normalizes }) => normalizes) && !form.normalizes
  return [
    ...formsOf(before ? calls.filter(({ readers }) => readers?.includes(i)) : []),
    form,
    ...formsOf(after ? calls.filter(({ writer }) => writer === i) : []),
  ]
}

/** Times what has not been timed here or in an earlier session, and keeps the choices. */
export async function tuneCalls<F extends Form>(
  calls: TunableCall<F>[],
  rowsOf: Record<KernelCall['rows'], number>,
  bench: Bench<F>,
): Promise<TunedShape[]> {
  const { tuning, halfProducts } = bench.context
  const found: TunedShape[] = []
  for (const [i, call] of calls.entries()) {
    const rows = rowsOf[call.rows]
    if (!call.tuning || call.tuned.get(rowClass(rows))) continue
    const candidates = candidatesAt(calls, i, rows)
    const { shape, outputs, normalized } = call.tuning
    let form = tuning.chosen(shape, rows, candidates)
    if (!form && candidates.length > 1) {
      const compared = candidates.some(({ normalizes }) => normalizes) ? [normalized!] : outputs
      const timed = await timeForms(
        bench.context,
        bench.timer,
        candidates.map((candidate) =>
          wayOf(calls, i, candidate, candidates, rows).map((one) => bench.dispatch(one, rows)),
        ),
        compared.map((id) => bench.written(id, rows)),
      )
      const us = timed.map(({ us, outputs }) =>
        outputs.every((output, o) => agrees(output, timed[0].outputs[o], halfProducts)) ? us : null,
      )
      form = candidates[fastest(us)]
      tuning.keep(shape, rows, form)
      found.push({
        shape,
        rows: rowClass(rows),
        chosen: formName(form),
        us: Object.fromEntries(candidates.map((candidate, c) => [formName(candidate), us[c]])),
      })
    }
    if (form) call.tuned.set(rowClass(rows), form)
  }
  return found
}
