// What a compression costs: the model before and after on labelled texts that it was not trained on.

import { loadDataset } from '../data/dataset.ts'
import { renumbered, type LabelledText } from '../data/examples.ts'
import { matchLabels } from '../data/labels.ts'
import { readingOf, type TaskOptions } from '../data/prepare.ts'
import { loadRows } from '../data/rows.ts'
import { digestsOfData, trainingsOf } from '../data/trained-on.node.ts'
import { pairedLoss, type PairedLoss } from '../evaluation/paired.ts'
import { testScores, type TestScores } from '../evaluation/scores.ts'
import { encodeTexts } from '../inference/batches.ts'
import { openDevice } from '../inference/devices.ts'
import { logitsOf, predict } from '../inference/logits.ts'
import { openTokenizer } from '../inference/tokenizer.ts'
import type { Reporter } from '../inference/reporter.ts'
import { problemTypeOf } from '../model/config.ts'
import type { LoadedModel } from '../model/load.ts'
import type { ModelWeights } from '../model/weights.ts'
import type { Step } from '../recipe/apply.ts'
import { definitionOf } from '../recipe/steps/index.ts'
import { UsageError } from './failure.ts'

export interface HeldOutOptions extends TaskOptions {
  data?: string
  test?: string
  text?: string
  label?: string
  seed: number
}

/** Texts to measure with, their labels numbered as the model's; or why there are none. */
export interface HeldOut {
  rows: LabelledText[]
  /** where they come from, or why there are none */
  words: string
  /** of the split that `train` made of the data; the steps learn from its other part */
  seed: number
}

/**
 * The labelled texts that the model was not trained on: those of --test, or the part of --data that `train` held out, which
 * the model's config.json tells of.
 * @throws where --test is a file that the model was trained on
 */
export async function openHeldOut(
  source: string,
  { config }: Pick<ModelWeights, 'config'>,
  options: HeldOutOptions,
  reporter: Reporter,
): Promise<HeldOut> {
  const { data, test, seed } = options
  const trainings = trainingsOf(config)
  const none = (why: string): HeldOut => ({ rows: [], words: `quality was not measured: ${why}`, seed })
  const isClassifier = config.labels.length > 1 && problemTypeOf(config) === 'single_label_classification'
  const isPerText = isClassifier && config.task !== 'token-classification'
  if (!isPerText) {
    if (test !== undefined)
      throw new UsageError(`--test measures classes of texts, and ${source} has no such outputs; leave it out`)
    return none(`${source} does not give classes of texts`)
  }
  const reading = readingOf(options, config)
  const inOrder = (labels: string[], rows: LabelledText[]): LabelledText[] => {
    const match = matchLabels(labels, config.labels, source)
    if (match.note) reporter.note(match.note)
    return rows.map((row) => renumbered(row, match.order))
  }
  if (test !== undefined) {
    const digests = await digestsOfData(test)
    // the test part of a data set that has a name is never trained on
    const seen = trainings.some(({ data: known }) =>
      digests.some((name) => known.includes(name) && !name.startsWith('builtin:')),
    )
    if (seen)
      throw new UsageError(`--test ${test}: ${source} was trained on texts of it; give it with --data, or another file`)
    const found = await loadRows(test, { ...reading, seed })
    return { rows: inOrder(found.labels, found.rows), words: `texts of ${test}`, seed }
  }
  if (data === undefined)
    return none('give texts with labels, --test FILE, or with --data the file that the model was trained on')
  const digests = (await digestsOfData(data)).join()
  const known = trainings.filter((training) => training.data.join() === digests)
  const [training] = known
  if (trainings.length === 0)
    return none(`the folder does not say what ${source} was trained on; give texts that are new to it with --test FILE`)
  if (!training)
    return none(`${data} is not the data that ${source} was trained on; give texts that are new to it with --test FILE`)
  if (known.some(({ seed: of, test_share: share }) => share !== training.test_share || of !== training.seed))
    return none(`${source} was trained on ${data} in two splits; give texts that are new to it with --test FILE`)
  if (training.test_share === 0)
    return none(`${source} was trained on the whole of ${data}; give texts that are new to it with --test FILE`)
  if (training.seed !== seed)
    reporter.note(
      `${source} was trained with seed ${training.seed}, which says what was held out of ${data}: it is taken in place of --seed ${seed}`,
    )
  const split = { ...reading, seed: training.seed, testShare: training.test_share }
  const found = await loadDataset(data, split)
  const rows = inOrder(found.labels, found.test)
  return { rows, words: `texts of ${data} that training held out`, seed: training.seed }
}

export interface Quality {
  texts: number
  from: string
  before: TestScores
  after: TestScores
  /** of the paired bootstrap */
  difference: { macroF1: PairedLoss; accuracy: PairedLoss }
  /** the only label that the compressed model gives; null where it gives more than one */
  constant: string | null
}

/** A model, and its tokenizer's files. */
interface Written {
  model: ModelWeights
  files: Record<string, string>
}

/** What is said of the quality: the numbers, and lines for people. */
export async function describeQuality(
  { weights, tokenizerFiles, where }: LoadedModel,
  after: Written,
  heldOut: HeldOut,
  { steps, train, seed, threads }: { steps: readonly Step[]; train: boolean; seed: number; threads?: number },
): Promise<{ quality: Quality | null; lines: string[] }> {
  const taken = steps.filter((step) => definitionOf(step).stage === 'shape').map(({ text }) => text)
  const advice = (why: string): string[] =>
    taken.length === 0 || train
      ? []
      : [`${taken.join('+')} takes out of the layers what ${why}: --train with labelled --data does that`]
  if (heldOut.rows.length === 0)
    return { quality: null, lines: [heldOut.words, ...advice('training may have to bring back')] }
  const before = { model: weights, files: tokenizerFiles }
  const quality = await measureQuality(before, after, heldOut, { seed, where, ...(threads && { threads }) })
  const isWorse = quality.difference.macroF1.change === 'loss' || quality.constant !== null
  return { quality, lines: [...qualityLines(quality), ...(isWorse ? advice('training has to bring back') : [])] }
}

/** Both models on the texts, on the CPU. */
async function measureQuality(
  before: Written,
  after: Written,
  { rows, words: from }: HeldOut,
  { seed, threads, where }: { seed: number; threads?: number; where: string },
): Promise<Quality> {
  const { labels } = before.model.config
  const expected = rows.map(({ label }) => label)
  const { device } = await openDevice({ device: 'cpu', threads })
  const say = async ({ model, files }: Written): Promise<Int32Array> => {
    const tokenizer = await openTokenizer(files, model.config, where)
    const { ids, types } = encodeTexts(tokenizer, rows, model.config.maxPositions)
    return predict(await logitsOf(device, model, ids, { types }), labels.length)
  }
  try {
    const [first, second] = [await say(before), await say(after)]
    const scored = testScores(expected, first, labels, seed)
    const positive = scored.positive === null ? null : labels.indexOf(scored.positive)
    const loss = (metric: 'macroF1' | 'accuracy'): PairedLoss =>
      pairedLoss(expected, first, second, labels.length, { seed, metric, positive })
    const given = new Set(second)
    return {
      texts: rows.length,
      from,
      before: scored,
      after: testScores(expected, second, labels, seed),
      difference: { macroF1: loss('macroF1'), accuracy: loss('accuracy') },
      constant: given.size === 1 ? labels[second[0]] : null,
    }
  } finally {
    await device.dispose()
  }
}

const CHANGES: Record<PairedLoss['change'], string> = {
  loss: 'a loss',
  gain: 'a gain',
  mixed: 'a higher macro F1 with a lower MCC: no gain',
  open: 'no difference that these texts show',
}

/** The change of each measure from before to after, with the interval of the difference, in lines. */
function qualityLines({ texts, from, before, after, difference, constant }: Quality): string[] {
  const four = (x: number): string => x.toFixed(4)
  const signed = (x: number): string => `${x > 0 ? '+' : ''}${four(x === 0 ? 0 : x)}`
  const line = (name: string, key: 'macroF1' | 'accuracy'): string => {
    const { loss, low, high } = difference[key]
    return `${name} ${four(after[key])}, was ${four(before[key])}: ${signed(-loss)} [${signed(-high)}, ${signed(-low)}]`
  }
  return [
    `on ${texts} ${from}, with the 95 % interval of the paired difference:`,
    `  ${line('macro F1', 'macroF1')}, ${CHANGES[difference.macroF1.change]}`,
    `  ${line('accuracy', 'accuracy')}`,
    ...(constant === null
      ? []
      : [`  the compressed model says '${constant}' of every text: it does not tell classes apart any more`]),
  ]
}
