// What a recipe's steps learn from texts: the tokens that occur, and the sums of what enters every layer.

import type { RecipeContext, Step } from '../compress/recipe.ts'
import type { LoadedModel } from '../model/load.ts'
import { tokenizerOf, vocabularyOf } from '../study/classifier.ts'
import { encodeTexts } from '../study/evaluate.ts'
import type { Reporter } from '../study/reporter.ts'
import { loadRows } from '../study/rows.ts'
import { calibrate } from '../train/calibrate.ts'
import { UsageError } from './failure.ts'

/** Texts to calibrate on; more change the sums little (compression.md 2.8). */
const CALIBRATION_TEXTS = 512

/** Steps that texts change, and why they need them; without a reason they do without, and are better with them. */
const NEEDS: Partial<Record<Step['kind'], string>> = {
  vocab: 'keeps the tokens of texts',
  wsvd: 'is fitted to what texts send through the layers',
  wtucker: 'is fitted to what texts send through the layers',
  svd: '',
  tucker: '',
  tucker3: '',
}

/** The texts' part of a recipe's context. @throws where a step needs texts and there are none */
export async function recipeTexts(
  loaded: LoadedModel,
  steps: readonly Step[],
  flags: { data?: string; text?: string; label?: string; seed: number },
  reporter: Reporter,
): Promise<Pick<RecipeContext, 'vocabulary' | 'keepIds' | 'calibration'>> {
  const needy = steps.find(({ kind }) => NEEDS[kind])
  if (!flags.data) {
    if (needy) throw new UsageError(`the step ${needy.text} ${NEEDS[needy.kind]}: give them with --data FILE`)
    return {}
  }
  if (!steps.some(({ kind }) => kind in NEEDS)) return {}
  const tokenizer = tokenizerOf(loaded)
  const { rows } = await loadRows(flags.data, {
    text: flags.text,
    label: flags.label,
    seed: flags.seed,
    part: 'train',
  })
  const { ids } = encodeTexts(
    tokenizer,
    rows.map(({ text }) => text),
    loaded.weights.config.maxPositions,
  )
  const keepIds = new Set(ids.flatMap((sequence) => [...sequence]))
  const vocabulary = { vocabulary: vocabularyOf(tokenizer), keepIds }
  if (!steps.some(({ kind }) => kind !== 'vocab' && kind in NEEDS)) return vocabulary
  // evenly over the file, whose rows may come by label
  const count = Math.min(CALIBRATION_TEXTS, ids.length)
  const sequences = Array.from({ length: count }, (_, i) => ids[Math.floor((i * ids.length) / count)])
  reporter.stage(`calibrating on ${count} texts`)
  const calibration = await calibrate(loaded.weights, sequences, {
    progress: (done, total) => reporter.progress(done, total),
  })
  reporter.done()
  return { ...vocabulary, calibration }
}
