// What a recipe's steps learn from texts: the tokens that occur, and the sums of what enters every layer.

import { needsCalibration, type RecipeContext, type Step } from '../compress/recipe.ts'
import type { LoadedModel } from '../model/load.ts'
import { tokenizerOf, vocabularyOf } from '../study/classifier.ts'
import { encodeTexts } from '../study/evaluate.ts'
import type { Reporter } from '../study/reporter.ts'
import { loadRows } from '../study/rows.ts'
import { calibrate } from '../train/calibrate.ts'
import { UsageError } from './failure.ts'

/** Texts to calibrate on; more change the sums little. */
const CALIBRATION_TEXTS = 512

/** Low-rank steps that do without texts; with them they correct the biases. */
const BETTER_WITH_TEXTS: readonly Step['kind'][] = ['svd', 'tucker', 'tucker3']

/** The texts' part of a recipe's context. @throws where a step needs texts and there are none */
export async function recipeTexts(
  loaded: LoadedModel,
  steps: readonly Step[],
  flags: { data?: string; text?: string; label?: string; seed: number },
  reporter: Reporter,
): Promise<Pick<RecipeContext, 'vocabulary' | 'keepIds' | 'calibration'>> {
  const calibrated = steps.find(needsCalibration)
  const isCalibrated = calibrated !== undefined || steps.some(({ kind }) => BETTER_WITH_TEXTS.includes(kind))
  const isCut = steps.some(({ kind }) => kind === 'vocab')
  if (!flags.data) {
    const where = 'give them with --data FILE'
    if (isCut) throw new UsageError(`the step vocab keeps the tokens of texts: ${where}`)
    if (calibrated) throw new UsageError(`the step ${calibrated.text} needs texts to run through the layers: ${where}`)
    return {}
  }
  if (!isCut && !isCalibrated) return {}
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
  if (!isCalibrated) return vocabulary
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
