// Scores of what a classifier says of labelled texts, by what its outputs are.

import type { LabelledText } from '../data/examples.ts'
import { encodeTexts } from '../inference/batches.ts'
import { openDevice } from '../inference/devices.ts'
import { logitsOf, predict } from '../inference/logits.ts'
import { problemTypeOf, type BertConfig } from '../model/config.ts'
import { scoresOf } from '../model/scores.ts'
import type { ModelWeights } from '../model/weights.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { multiLabelScores, type MultiLabelScores } from './multi-label.ts'
import { regressionScores, type RegressionScores } from './regression.ts'
import { testScores, type TestScores } from './scores.ts'

/** The measures that suit what a model's outputs are. */
export type TaskScores =
  | ({ problemType: 'single_label_classification' } & TestScores)
  | ({ problemType: 'multi_label_classification' } & MultiLabelScores)
  | ({ problemType: 'regression' } & RegressionScores)

/** Score from which a label holds that does not compete. */
export const THRESHOLD = 0.5

/** @param rows whose labels are numbered as the model's */
export function taskScores(
  config: Pick<BertConfig, 'problemType' | 'labels'>,
  rows: readonly LabelledText[],
  logits: Float32Array,
  { seed }: { seed: number },
): TaskScores {
  const { labels } = config
  const problemType = problemTypeOf(config)
  switch (problemType) {
    case 'single_label_classification': {
      const expected = rows.map(({ label }) => label)
      return { problemType, ...testScores(expected, predict(logits, labels.length), labels, seed) }
    }
    case 'multi_label_classification': {
      const scores = multiLabelScores(hotRows(rows, labels.length), holding(config, logits, THRESHOLD), labels, {
        seed,
        threshold: THRESHOLD,
      })
      return { problemType, ...scores }
    }
    case 'regression': {
      const expected = rows.map(({ value }) => value!)
      return { problemType, ...regressionScores(expected, logits, { seed }) }
    }
  }
}

/** u8 [rows, labels]: 1 where a label holds. */
export function hotRows(rows: readonly LabelledText[], labels: number): Uint8Array {
  const hot = new Uint8Array(rows.length * labels)
  rows.forEach(({ label, set = [label] }, i) => {
    for (const each of set) hot[i * labels + each] = 1
  })
  return hot
}

/** u8 as long as `logits`: 1 where a label's score is at least the threshold. */
export const holding = (
  config: Pick<BertConfig, 'problemType' | 'labels'>,
  logits: Float32Array,
  threshold: number,
): Uint8Array => Uint8Array.from(scoresOf(config)(logits), (score) => Number(score >= threshold))

/** A model's scores on labelled texts, on the CPU. */
export async function scoreModel(
  { config, ...weights }: ModelWeights,
  tokenizer: Tokenizer,
  rows: LabelledText[],
  options: { maxLength: number; threads?: number; seed: number },
): Promise<TaskScores> {
  const { ids, types } = encodeTexts(tokenizer, rows, options.maxLength)
  const { device } = await openDevice({ device: 'cpu', threads: options.threads })
  try {
    return taskScores(config, rows, await logitsOf(device, { ...weights, config }, ids, { types }), options)
  } finally {
    await device.dispose()
  }
}
