// Scores of a classifier on labelled rows: the model is opened as a user would open it, and its own tokenizer reads
// the texts.

import { matchLabels } from '../data/labels.ts'
import type { Rows } from '../data/rows.ts'
import { openClassifier, startClassifier, type ClassifierOptions } from '../inference/classifier.ts'
import { openDevice, type DeviceOptions } from '../inference/devices.ts'
import { predict } from '../inference/logits.ts'
import type { Reporter } from '../inference/reporter.ts'
import type { TextModel } from '../inference/text-model.ts'
import type { TextPreparation } from '../text/preparation.ts'
import { testScores, type TestScores } from './scores.ts'

export type EvaluateOptions = ClassifierOptions &
  DeviceOptions & {
    /** of the interval's resamples */
    seed: number
    reporter?: Reporter
    signal?: AbortSignal
  }

export interface Evaluation extends TestScores {
  /** texts that had more tokens than the model has positions */
  truncated: number
  preparation: TextPreparation | null
  /** the device's name */
  device: string
  /** the device is a GPU that is emulated on the CPU */
  software: boolean
  /** that running took, without opening and tokenizing */
  seconds: number
}

/**
 * Scores a classifier on rows, whose labels are matched with the model's by name, by number or by place.
 * @param source folder, address or hub id
 * @throws where the model has no classifier or no tokenizer, the labels do not match, or the device is not there
 * @example
 * const rows = await loadRows('reviews.csv', { seed: 1 })
 * const { f1, f1Low, f1High } = await evaluateClassifier('./my-model', rows, { device: 'cpu', seed: 1 })
 */
export async function evaluateClassifier(source: string, data: Rows, options: EvaluateOptions): Promise<Evaluation> {
  const opened = await openClassifier(source, options)
  try {
    return await evaluate(source, opened, data, options)
  } finally {
    await opened.close()
  }
}

async function evaluate(source: string, opened: TextModel, data: Rows, options: EvaluateOptions): Promise<Evaluation> {
  const { labels, maxPositions, preparation = null } = opened.weights.config
  const { reporter, signal, seed } = options
  const match = matchLabels(data.labels, labels, source)
  if (match.note) reporter?.note(match.note)
  const expected = data.rows.map(({ label }) => match.order[label])
  const { device, notes } = await openDevice(options)
  for (const note of notes) reporter?.note(note)
  try {
    const classifier = await startClassifier(opened, device)
    const ids = classifier.encode(data.rows.map(({ text }) => text))
    const { truncated } = classifier.encoded
    if (truncated)
      reporter?.note(`${truncated} texts are longer than the model's ${maxPositions} positions and lost their end`)
    const { name, software } = device.info()
    reporter?.stage(`evaluating on ${name}`)
    const began = performance.now()
    const logits = await classifier.logits(ids, { progress: reporter?.progress, signal })
    const seconds = (performance.now() - began) / 1000
    await classifier.dispose()
    reporter?.done()
    const scores = testScores(expected, predict(logits, labels.length), labels, seed)
    return { ...scores, truncated, preparation, device: name, software, seconds }
  } finally {
    await device.dispose()
  }
}
