// `train --tune`: the search, and what it says.

import type { ModelWeights } from '../model/weights.ts'
import type { Reporter } from '../inference/reporter.ts'
import type { Example } from '../train/within-time.ts'
import { tuneTraining, type Tuned } from '../train/search.ts'
import type { TrainOptions } from '../train/options.ts'
import type { TrainingSetting } from '../train/tune.ts'
import { columns } from './columns.ts'

/** Of the minutes given; the rest is for training with what was found. */
const SEARCH_SHARE = 0.6

/**
 * Searches training settings on the training examples; the caller trains with the chosen one on all of them, since
 * nothing more is decided on the development part then.
 */
export async function searchSettings(
  model: ModelWeights,
  examples: Example[],
  usual: TrainingSetting,
  flags: { trials: number; minutes: number; seed: number; threads?: number; more: Partial<TrainOptions> },
  reporter: Reporter,
): Promise<Tuned> {
  const { trials, minutes, seed, threads = 0, more } = flags
  reporter.stage(`trying ${trials} settings`)
  const seconds = minutes * 60 * SEARCH_SHARE
  const tuned = await tuneTraining(model, examples, { trials, usual, seconds, seed, threads, more }, reporter)
  reporter.done(`${tuned.trials.length} trials, F1 on ${tuned.development} of the training texts`)
  if (tuned.scale < 1)
    reporter.note(
      `the time allowed each trial ${(100 * tuned.scale).toFixed(0)} % of its epochs: another machine may choose otherwise; more --minutes or fewer --trials give whole ones`,
    )
  return tuned
}

const words = ({ learningRate, epochs, dropout, batch }: TrainingSetting): string[] =>
  [learningRate, epochs, dropout, batch].map(String)

/** The trials in the order they were made, then the setting chosen. */
export function trialLines({ trials, chosen, scale }: Tuned): string[] {
  const [learningRate, epochs, dropout, batch] = words(chosen)
  return [
    ...columns([
      ['setting', 'learning rate', 'epochs', 'dropout', 'batch', 'of its epochs', 'F1', 'loss'],
      ...trials.map(({ number, setting, share, score, loss }) => [
        String(number + 1),
        ...words(setting),
        `${(100 * share * scale).toFixed(0)} %`,
        score.toFixed(4),
        loss.toFixed(4),
      ]),
    ]),
    `chosen: learning rate ${learningRate}, ${epochs} epochs, dropout ${dropout}, batch ${batch}`,
  ]
}
