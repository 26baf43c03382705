// Labelled texts, and how they are split into a training and a test part.

import { createRandom } from '../../kernels/program/random.ts'

/** A text and its class. */
export interface LabelledText {
  text: string
  /** index into `Dataset.labels` */
  label: number
}

export interface Dataset {
  /** where it is from, as given */
  name: string
  /** label names by id; of two, the second is the positive class */
  labels: string[]
  train: LabelledText[]
  test: LabelledText[]
  /** what was detected, left out or removed, a sentence each: for the log and the report */
  notes: string[]
}

/**
 * Splits examples by class, so that both parts have the same shares of each; a class of two or more is in both.
 * Both parts come back in a shuffled order.
 */
export function splitExamples<E extends { label: number }>(
  examples: E[],
  options: { seed: number; testShare: number; classes: number },
): { train: E[]; test: E[] } {
  const random = createRandom(options.seed, 'split')
  const byClass: E[][] = Array.from({ length: options.classes }, () => [])
  for (const example of examples) byClass[example.label].push(example)
  const train: E[] = []
  const test: E[] = []
  for (const members of byClass) {
    random.shuffle(members)
    const wanted = Math.round(members.length * options.testShare)
    const count = members.length < 2 ? 0 : Math.min(members.length - 1, Math.max(1, wanted))
    members.forEach((example, i) => (i < count ? test : train).push(example))
  }
  return { train: random.shuffle(train), test: random.shuffle(test) }
}

/** Texts that differ in white space alone are the same to any tokenizer. */
export const foldSpace = (text: string): string => text.replace(/\s+/g, ' ').trim()

/**
 * The training part without the texts that are also in the test part; a note says how many there were.
 * @param fold texts are compared by what it makes of them
 * @param what the texts are, in the note
 */
export function dropTestTexts(
  parts: { train: LabelledText[]; test: LabelledText[] },
  notes: string[],
  fold: (text: string) => string,
  what = 'training texts',
): LabelledText[] {
  const seen = new Set(parts.test.map(({ text }) => fold(text)))
  const train = parts.train.filter(({ text }) => !seen.has(fold(text)))
  const removed = parts.train.length - train.length
  if (removed > 0) notes.push(`${removed} of ${parts.train.length} ${what} are also in the test part: removed.`)
  return train
}
