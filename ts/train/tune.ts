// A search among training settings: which to try, and how to find the best of them without training all to the end.

import { createRandom } from '../../kernels/program/random.ts'

export interface TrainingSetting {
  /** peak of the schedule */
  learningRate: number
  /** passes over the examples */
  epochs: number
  dropout: number
  /** sequences a step */
  batch: number
}

/** What a training came to on the development examples. */
export interface Outcome {
  /** the larger the better */
  score: number
  /** mean cross-entropy: decides among equal scores, such as those of models that have not begun to learn */
  loss: number
}

/** One setting trained with a share of its epochs, and what came of it. */
export interface Trial extends Outcome {
  /** index into the settings */
  number: number
  setting: TrainingSetting
  /** of the setting's epochs, in (0, 1] */
  share: number
}

/** Learning rates within this factor of the usual one. */
const RATE_RANGE = 4
const EPOCHS = [0.5, 0.75, 1, 1.5]
const DROPOUTS = [0, 0.05, 0.1, 0.2, 0.3]
const BATCHES = [0.5, 1, 2]
/** Of a rung's settings, one in three goes on, with three times the epochs. */
const KEPT = 3

/**
 * Settings to try: the usual one first, then random ones around it. Learning rates lie evenly by their logarithm, one in
 * each slice of [usual / 4, usual * 4], so that few trials cover the range.
 */
export function proposals(seed: number, count: number, usual: TrainingSetting): TrainingSetting[] {
  const random = createRandom(seed, 'tune')
  const slices = random.shuffle(Array.from({ length: count - 1 }, (_, i) => i))
  const others = slices.map((slice) => {
    const exponent = (2 * (slice + random.next())) / (count - 1) - 1
    return {
      learningRate: Math.min(1, Number((usual.learningRate * RATE_RANGE ** exponent).toPrecision(2))),
      epochs: Number((usual.epochs * random.pick(EPOCHS)).toPrecision(3)),
      dropout: random.pick(DROPOUTS),
      batch: Math.max(1, Math.round(usual.batch * random.pick(BATCHES))),
    }
  })
  return [usual, ...others]
}

/** How many settings each rung trains, and with which share of their epochs: 27 at 1/9, 9 at 1/3, 3 at 1. */
export function rungs(count: number): { count: number; share: number }[] {
  const counts = [count]
  while (counts[counts.length - 1] > KEPT) counts.push(Math.ceil(counts[counts.length - 1] / KEPT))
  return counts.map((n, i) => ({ count: n, share: KEPT ** (i + 1 - counts.length) }))
}

/**
 * Successive halving: every setting is tried with few epochs, the best third with three times as many, and so on until
 * at most three are trained in full.
 * @param run what a setting comes to; null where time is over, which ends the search
 * @returns all trials in the order they were made
 */
export async function halving(
  settings: TrainingSetting[],
  run: (setting: TrainingSetting, share: number, number: number) => Promise<Outcome | null>,
): Promise<Trial[]> {
  const trials: Trial[] = []
  let entered = settings.map((setting, number) => ({ setting, number }))
  for (const { count, share } of rungs(settings.length)) {
    entered = entered.slice(0, count)
    const rung: Trial[] = []
    for (const { setting, number } of entered) {
      const outcome = await run(setting, share, number)
      if (outcome === null) return trials
      rung.push({ number, setting, share, ...outcome })
      trials.push(rung[rung.length - 1])
    }
    entered = rung.sort(byScore)
  }
  return trials
}

/** The best of the trials that trained longest; of equals the first proposed, and so the usual setting. */
export function bestTrial(trials: Trial[]): Trial {
  if (trials.length === 0) throw new Error('tune: no trial was finished; give more minutes')
  const longest = Math.max(...trials.map(({ share }) => share))
  return trials.filter(({ share }) => share === longest).sort(byScore)[0]
}

const byScore = (a: Trial, b: Trial): number =>
  b.score - a.score || (a.loss === b.loss ? a.number - b.number : a.loss - b.loss)
