// Which rank a low-rank row gets. Factors cannot be trained yet; what can be trained is the dense product, drawn back to
// the rank again and again, so that little is lost the last time.

import type { ModelWeights } from '../model/weights.ts'
import type { Base, Shaped, VariantContext } from './variants.ts'
import { densifyModel } from './densify.ts'
import { trainWithin } from './training.ts'

/** What F1 on the validation texts a low-rank row may lose against its base. */
const LOW_RANK_LOSS = 0.005
/** Shares of the full rank, tried in this order. */
const RANK_SHARES = [0.125, 0.25, 0.375, 0.5, 0.625, 0.75]
/** What random weights get: there is nothing to hold. */
const UNTRAINED_SHARE = 0.25
/** The share that training in rounds aims at: a quarter of the rank is half of the arithmetic of a square layer. */
const AIMED_SHARE = 0.25
/** Each round trains the dense product and draws it back to the rank. */
const ROUNDS = 6

type Apply = (model: ModelWeights, recipe: string) => Promise<{ model: ModelWeights; notes: string[] }>

/**
 * The smallest rank whose F1 on the validation texts holds: first as it is, then, where that rank is larger than the
 * one aimed at, after training in rounds.
 * @param shape the step with R for its rank, e.g. 'tucker:R'
 */
export async function chooseLowRank(shape: string, base: Base, apply: Apply, context: VariantContext): Promise<Shaped> {
  const { reporter } = context
  const at = (share: number): string => shape.replace(':R', `:${share}`)
  if (!base.isTrained) {
    const recipe = at(UNTRAINED_SHARE)
    const { model, notes } = await apply(base.model, recipe)
    return { model, recipe, notes: [notes[0], 'random weights: there is no F1 to choose a rank by'] }
  }
  const baseF1 = await base.validate(base.model)
  const holds = (f1: number): boolean => f1 >= baseF1 - LOW_RANK_LOSS
  const words = (share: number, f1: number): string =>
    `rank ${share} of the full one, validation F1 ${f1.toFixed(3)} (base ${baseF1.toFixed(3)})`
  let last: Shaped | null = null
  let wasTrained = false
  for (const [i, share] of RANK_SHARES.entries()) {
    if (share > AIMED_SHARE && !wasTrained) {
      wasTrained = true
      const trained = await trainInRounds(at(AIMED_SHARE), base, apply, context)
      const f1 = await base.validate(trained.model)
      const shaped = { ...trained, notes: [...trained.notes, words(AIMED_SHARE, f1)] }
      if (holds(f1)) return shaped
    }
    reporter.progress(i, RANK_SHARES.length, undefined, `rank ${share}`)
    const recipe = at(share)
    const { model, notes } = await apply(base.model, recipe)
    const f1 = await base.validate(model)
    last = { model, recipe, notes: [notes[0], `not trained again: ${words(share, f1)}`] }
    if (holds(f1)) return last
  }
  return { ...last!, notes: [...last!.notes, `no rank below the full one held F1 within ${LOW_RANK_LOSS}`] }
}

/** Rounds of training the dense product and drawing it back to the rank of `recipe`. */
async function trainInRounds(recipe: string, base: Base, apply: Apply, context: VariantContext): Promise<Shaped> {
  const { settings, scale, reporter, signal, threads, tuneSeconds } = context
  let shaped = await apply(base.model, recipe)
  let steps = 0
  let seconds = 0
  for (let round = 0; round < ROUNDS; round++) {
    const dense = densifyModel(shaped.model).model
    const trained = await trainWithin(
      dense,
      base.examples,
      {
        epochs: (2 * scale.epochs.tune) / ROUNDS,
        seconds: tuneSeconds / ROUNDS,
        batch: scale.batch,
        learningRate: context.tuneRate(base),
        // other texts first in every round
        seed: settings.seed + round,
        threads,
      },
      reporter,
      signal,
    )
    steps += trained.steps
    seconds += trained.seconds
    shaped = await apply({ ...trained.model, config: base.model.config }, recipe)
  }
  const words = `trained again in ${ROUNDS} rounds, each as a dense product that is drawn back to its rank: ${steps} steps in ${seconds.toFixed(0)} s`
  return { model: shaped.model, recipe, notes: [shaped.notes[0], words] }
}
