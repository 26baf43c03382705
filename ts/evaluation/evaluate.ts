// Scores of a classifier on labelled rows: the model is opened as a user would open it, and its own tokenizer reads
// the texts.

import { checkNames, type OptionNames } from '../../kernels/program/check-options.ts'
import { matchLabels } from '../data/labels.ts'
import type { Rows } from '../data/rows.ts'
import { openClassifier, startClassifier, type ClassifierOptions } from '../inference/classifier.ts'
import { deviceOptionsOf, openDeviceFor, type DeviceOptions } from '../inference/devices.ts'
import { predict } from '../inference/logits.ts'
import type { Reporter } from '../inference/reporter.ts'
import type { TextModel } from '../inference/text-model.ts'
import type { TextPreparation } from '../text/preparation.ts'
import { renumbered, type LabelledText } from '../data/examples.ts'
import { crossValidatedFloors, FOLDS, measureFloors, withoutPredictions, type Floor } from './floors.ts'
import { problemTypeOf, type ProblemType } from '../model/config.ts'
import { pairedLoss, type PairedLoss } from './paired.ts'
import { multiLabelScores, type MultiLabelScores } from './multi-label.ts'
import { regressionScores, type RegressionScores } from './regression.ts'
import { testScores, type TestScores } from './scores.ts'
import { holding, hotRows, THRESHOLD } from './task-scores.ts'

export type EvaluateOptions = ClassifierOptions &
  DeviceOptions & {
    /** of the interval's resamples */
    seed: number
    /** label that F1 is of; of two the rarer among the rows where not given */
    positive?: string
    reporter?: Reporter
    signal?: AbortSignal
  }

const OPTIONS: OptionNames<EvaluateOptions> = {
  ...{ seed: true, positive: true, reporter: true, signal: true, preparation: true },
  ...{ device: true, threads: true, wide: true, software: true, precision: true, gpuDevice: true, workerUrl: true },
  ...{ progress: true, localFilesOnly: true, revision: true, endpoint: true, token: true },
  ...{ labels: true, problemType: true, embeddings: true },
}

/** How the texts were run. */
export interface RunDetails {
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

export type Evaluation = TestScores & RunDetails

/**
 * Scores a classifier on rows, whose labels are matched with the model's by name, by number or by place.
 * @param source folder, address or hub id
 * @throws where the model has no classifier or no tokenizer, the labels do not match, or the device is not there
 * @example
 * const rows = await loadRows('reviews.csv', { seed: 1 })
 * const { f1, f1Low, f1High } = await evaluateClassifier('./my-model', rows, { device: 'cpu', seed: 1 })
 */
export async function evaluateClassifier(source: string, data: Rows, options: EvaluateOptions): Promise<Evaluation> {
  checkNames('evaluateClassifier', options, OPTIONS)
  return (await evaluate(source, data, options)).scores
}

export interface ClassifierComparison extends Evaluation {
  /** the other model on the same texts */
  other: Evaluation
  /** what the first model loses against the other in macro F1: below 0 where the first is better; 95 % interval */
  paired: PairedLoss
}

/**
 * Scores two classifiers on the same rows, and says how far they lie apart by a paired bootstrap.
 * @throws as `evaluateClassifier`, and where the two do not have the same labels in the same order
 */
export async function compareClassifiers(
  source: string,
  against: string,
  data: Rows,
  options: EvaluateOptions,
): Promise<ClassifierComparison> {
  checkNames('compareClassifiers', options, OPTIONS)
  const first = await evaluate(source, data, options)
  const second = await evaluate(against, data, options)
  const { labels, positive } = first.scores
  if (labels.join('\n') !== second.scores.labels.join('\n'))
    throw new Error(
      `${against}: its labels are ${second.scores.labels.join(', ')}, those of ${source} are ${labels.join(', ')}; expected the same in the same order`,
    )
  const place = positive === null ? null : labels.indexOf(positive)
  const asked = { seed: options.seed, metric: 'macroF1' as const, positive: place }
  const paired = pairedLoss(first.expected, second.said, first.said, labels.length, asked)
  return { ...first.scores, other: second.scores, paired }
}

/** The scores with what they were made from: class per text, in the model's order. */
async function evaluate(
  source: string,
  data: Rows,
  options: EvaluateOptions,
): Promise<{ scores: Evaluation; expected: number[]; said: ArrayLike<number> }> {
  const opened = await openClassifier(source, options)
  try {
    const { labels } = opened.weights.config
    checkProblem(source, opened, data, 'single_label_classification')
    const match = matchLabels(data.labels, labels, source)
    if (match.note) options.reporter?.note(match.note)
    const expected = data.rows.map(({ label }) => match.order[label])
    const { logits, ...about } = await runTexts(opened, data, options)
    const said = predict(logits, labels.length)
    return {
      scores: { ...testScores(expected, said, labels, options.seed, options.positive), ...about },
      expected,
      said,
    }
  } finally {
    await opened.close()
  }
}

/**
 * The floors of the rows that a classifier was scored on: majority, naive Bayes and logistic regression.
 * @param scores what the classifier scored
 * @param options train: rows that the floors learn from; null: four fifths of the rows say the fifth
 * @throws where a label of the rows is none of those trained on, or there are fewer than five rows
 */
export async function measureRowFloors(
  data: Rows,
  { labels, positive }: Pick<TestScores, 'labels' | 'positive'>,
  { train, seed }: { train: Rows | null; seed: number },
): Promise<Floor[]> {
  const inOrder = ({ rows, labels: own }: Rows): LabelledText[] => {
    const { order } = matchLabels(own, labels, 'floors')
    return rows.map(({ text, label }) => ({ text, label: order[label] }))
  }
  const options = { classes: labels.length, positive: positive === null ? null : labels.indexOf(positive), seed }
  if (train === null) return crossValidatedFloors(inOrder(data), options)
  return (await measureFloors(inOrder(train), inOrder(data), options)).map(withoutPredictions)
}

/** Fewer rows cannot be cut into the parts that floors need. */
export const LEAST_FLOOR_ROWS = FOLDS

export type MultiLabelEvaluation = MultiLabelScores & RunDetails

/**
 * Scores a classifier whose labels do not compete (problem_type multi_label_classification in its config.json) on texts with
 * sets of labels; a label holds where its score is at least `threshold`.
 * @param source folder, address or hub id
 * @param options as of `evaluateClassifier`; threshold, 0.5 if not given
 * @throws as `evaluateClassifier`, and where the model's labels compete
 */
export async function evaluateMultiLabel(
  source: string,
  data: Rows,
  options: EvaluateOptions & { threshold?: number },
): Promise<MultiLabelEvaluation> {
  checkNames('evaluateMultiLabel', options, { ...OPTIONS, threshold: true })
  const opened = await openClassifier(source, options)
  try {
    const { config } = opened.weights
    const { labels } = config
    checkProblem(source, opened, data, 'multi_label_classification')
    const match = matchLabels(data.labels, labels, source)
    if (match.note) options.reporter?.note(match.note)
    const rows = data.rows.map((row) => renumbered(row, match.order))
    const expected = hotRows(rows, labels.length)
    const { logits, ...about } = await runTexts(opened, data, options)
    const threshold = options.threshold ?? THRESHOLD
    const predicted = holding(config, logits, threshold)
    return { ...multiLabelScores(expected, predicted, labels, { seed: options.seed, threshold }), ...about }
  } finally {
    await opened.close()
  }
}

export type RegressionEvaluation = RegressionScores & RunDetails

/**
 * Scores a model of one output, a number as it is (problem_type regression in its config.json, or one output and no
 * problem_type, which transformers trains as one), on texts with numbers.
 * @param source folder, address or hub id
 * @param options as of `evaluateClassifier`
 * @throws as `evaluateClassifier`, and where the model has several outputs
 */
export async function evaluateRegression(
  source: string,
  data: Rows,
  options: EvaluateOptions,
): Promise<RegressionEvaluation> {
  checkNames('evaluateRegression', options, OPTIONS)
  const opened = await openClassifier(source, options)
  try {
    checkProblem(source, opened, data, 'regression')
    const { labels } = opened.weights.config
    if (labels.length !== 1)
      throw new Error(
        `${source}: it has ${labels.length} outputs (${labels.slice(0, 10).join(', ')}); numbers are scored of models with one output`,
      )
    if (opened.weights.config.problemType === undefined)
      options.reporter?.note(
        `${source} has one output and no problem_type: the output is taken for a number, as transformers trains it; problemType (--problem-type) multi_label_classification takes it for one label that holds or not`,
      )
    const { logits, ...about } = await runTexts(opened, data, options)
    const expected = data.rows.map(({ value }) => value!)
    return { ...regressionScores(expected, logits, { seed: options.seed }), ...about }
  } finally {
    await opened.close()
  }
}

const LABEL_WORDS: Record<ProblemType, string> = {
  single_label_classification: 'one label a text',
  multi_label_classification: 'lists of labels',
  regression: 'numbers',
}

/** @throws where what the data have for labels is not what the model gives, or not what is scored */
function checkProblem(source: string, { weights: { config } }: TextModel, data: Rows, scored: ProblemType): void {
  const { problemType: found = 'single_label_classification' } = data
  const wanted = problemTypeOf(config)
  if (found !== scored)
    throw new Error(
      `the data has ${LABEL_WORDS[found]}, expected ${LABEL_WORDS[scored]}; ${SCORED_BY[found]} scores them`,
    )
  if (wanted !== found)
    throw new Error(
      `${source}: its outputs are those of ${wanted}, ${LABEL_WORDS[wanted]}, but the data has ${LABEL_WORDS[found]}; give data of that kind, or say what the labels are with problemType (--problem-type ${wanted}) where they can be read so`,
    )
}

const SCORED_BY: Record<ProblemType, string> = {
  single_label_classification: 'evaluateClassifier',
  multi_label_classification: 'evaluateMultiLabel',
  regression: 'evaluateRegression',
}

/** The logits of the texts, on the device that the options ask for. */
async function runTexts(
  opened: TextModel,
  data: Rows,
  options: EvaluateOptions,
): Promise<RunDetails & { logits: Float32Array }> {
  const { maxPositions, preparation = null } = opened.weights.config
  const { reporter, signal } = options
  const { device, notes, model } = await openDeviceFor(opened, deviceOptionsOf(options))
  for (const note of notes) reporter?.note(note)
  try {
    const classifier = await startClassifier(model, device)
    const encoded = classifier.encode(data.rows)
    const { truncated } = classifier.encoded
    if (truncated)
      reporter?.note(`${truncated} texts are longer than the model's ${maxPositions} positions and lost their end`)
    const { name, software } = device.info()
    reporter?.stage(`evaluating on ${name}`)
    const began = performance.now()
    const logits = await classifier.logits(encoded, { progress: reporter?.progress, signal })
    const seconds = (performance.now() - began) / 1000
    await classifier.dispose()
    reporter?.done()
    return { logits, truncated, preparation, device: name, software, seconds }
  } finally {
    await device.dispose()
  }
}
