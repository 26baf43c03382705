// A teacher for models that start from random weights: logistic regression on words and characters, trained in seconds on the
// same texts. It says of each text what it learned from the others, so that its word is more than the label said again.

import { checkPlain, type LabelledText } from '../data/examples.ts'
import type { PreparedData } from '../data/prepare.ts'
import { crossFittedLogits } from '../evaluation/logistic-regression.ts'
import type { Reporter } from '../inference/reporter.ts'
import { Stopped } from '../inference/stopped.ts'
import { LINEAR_TEACHER } from './defaults.ts'

/** For the notes of a training, after how it started. */
export const LINEAR_TEACHER_WORDS = `taught by the labels and by cross-fitted logistic regression (${LINEAR_TEACHER.alpha} cross-entropy, ${1 - LINEAR_TEACHER.alpha} T^2 KL at T = ${LINEAR_TEACHER.temperature})`

/** Whether a linear model can teach these data: each text is single and has one class. */
export const canTeachLinearly = ({ problemType, train }: PreparedData): boolean =>
  (problemType ?? 'single_label_classification') === 'single_label_classification' &&
  train.every(({ text_pair: second }) => second === undefined)

/**
 * What the regressions say of the training texts.
 * @returns logits, f32 [data.train, labels]
 * @throws where texts are pairs, labels are no classes or texts are too few; Stopped where the signal says so
 */
export async function linearTeacherLogits(
  data: PreparedData,
  { seed, reporter, signal }: { seed: number; reporter: Reporter; signal?: AbortSignal },
): Promise<Float32Array> {
  checkPlain(data, 'logistic regression as teacher')
  reporter.stage('logistic regression as teacher')
  const logits = await crossFittedLogits(data.train, data.labels.length, {
    seed,
    pause: async () => {
      await new Promise((resolve) => setTimeout(resolve, 0))
      if (signal?.aborted) throw new Stopped()
    },
  })
  reporter.done(rightWords(data.train, logits, data.labels.length))
  return logits
}

function rightWords(rows: LabelledText[], logits: Float32Array, classes: number): string {
  const right = rows.filter(({ label }, i) => {
    const row = logits.subarray(i * classes, (i + 1) * classes)
    return row.indexOf(Math.max(...row)) === label
  }).length
  return `tells ${((100 * right) / rows.length).toFixed(1)} % of the training texts, each by what it learned from others`
}
