// What `compress --train` of an embedder learns from: texts without labels, and the model's own vectors of them.

import { evenly } from '../data/evenly.ts'
import { openDevice } from '../inference/devices.ts'
import type { Reporter } from '../inference/reporter.ts'
import { openTokenizer } from '../inference/tokenizer.ts'
import { encodeForVectors, vectorRuleOf, wholeVectors } from '../inference/whole-vectors.ts'
import type { LoadedModel } from '../model/load.ts'
import type { RecipeShaping } from '../study/tuning.ts'
import { openTexts, singleTexts, type RecipeTextsOptions } from '../train/recipe-texts.ts'
import { UsageError } from './failure.ts'

/** As many as the study takes: the vectors of more take longer than the training of a few minutes. */
const MOST_TEXTS = 20_000

/**
 * Training texts of the data, by the model's own tokens; every tenth of texts without labels is held out for the measure.
 * @throws UsageError where the model's vectors are not what training compares
 */
export async function vectorLesson(
  loaded: LoadedModel,
  options: RecipeTextsOptions & { data: string },
  reporter: Reporter,
  signal: AbortSignal,
): Promise<Pick<RecipeShaping['base'], 'examples' | 'teacherLogits' | 'vectors'>> {
  const { weights, tokenizerFiles, where, filesBeside } = loaded
  const rule = await vectorRuleOf(loaded)
  if (rule.refused !== null) throw new UsageError(`--train learns the vectors of texts: ${rule.refused}`)
  if (rule.pooling !== 'mean' || rule.skipsPrompt)
    throw new UsageError(
      `--train compares means of all rows, and this model pools by ${rule.pooling}${rule.skipsPrompt ? ' without its prompt' : ''}: leave it out`,
    )
  const { training } = await openTexts(options.data, options, weights.config, true, reporter)
  const all = [...new Set(singleTexts(training))]
  const texts = evenly(all, MOST_TEXTS)
  if (texts.length < all.length) reporter.note(`${texts.length} of ${all.length} texts are trained on`)
  const tokenizer = await openTokenizer(tokenizerFiles, weights.config, where)
  const { ids } = encodeForVectors(tokenizer, texts, weights.config, rule)
  const { device } = await openDevice({ device: 'cpu', threads: options.threads })
  try {
    reporter.stage('vectors of the training texts')
    const { data } = await wholeVectors(device, weights, { ids, tokenizer }, rule, {
      signal,
      progress: reporter.progress,
    })
    reporter.done()
    return {
      examples: ids.map((of) => ({ ids: of, label: -1 })),
      teacherLogits: () => Promise.resolve(null),
      vectors: { rule, measure: 'mean cosine', filesBeside, teacher: () => Promise.resolve(data) },
    }
  } finally {
    await device.dispose()
  }
}
