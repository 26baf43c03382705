// `evaluate`: a classifier scored on labelled texts.

import type { Command } from '@commander-js/extra-typings'
import { examples } from '../examples.ts'
import { preparationOptions, taskOptions } from '../options.ts'
import { problemTypeOf } from '../../model/config.ts'
import { UsageError } from '../failure.ts'
import { DATA_HELP, deviceOption, fileList, fraction, jsonOption, MODEL_HELP, preparationOf } from '../values.ts'
import { seedOption, threadsOption } from '../values.ts'
import { wideOption } from '../wide.ts'

const EXAMPLES = examples(
  'compact-kernels evaluate my-model --data test.csv --text body --label stars',
  'compact-kernels evaluate my-model --data test.csv --positive negative --train reviews.csv',
  'compact-kernels evaluate my-model --data test.jsonl --device auto --json',
  'compact-kernels evaluate my-small --against my-model --data test.csv --text body --label stars',
)

const options = (program: Command) =>
  preparationOptions(
    taskOptions(
      program
        .command('evaluate')
        .description('score a classifier, or an embedder against another')
        .argument('<model>', MODEL_HELP),
    ),
  )
    .requiredOption('--data <file>', DATA_HELP, fileList())
    .option(
      '--labels <names>',
      "names of the model's outputs in their order, joined by commas, in place of those in its config.json",
      (text) => text.split(',').map((name) => name.trim()),
    )
    .option('--positive <label>', 'label that F1, precision and recall are of (default: the rarer of two)')
    .option('--train <file>', 'texts that the floors learn from (default: --data, in five parts)', fileList())
    .option(
      '--against <model>',
      'model to compare with: of a classifier what it gains on the same texts, with a paired interval; of an embedder the one whose vectors its own are compared with, by cosine and by nearest neighbours kept',
    )
    .option('--no-floors', 'leave naive Bayes and logistic regression out')
    .option('--threshold <share>', 'of lists of labels: score from which a label holds (default: 0.5)', fraction)
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addOption(wideOption())
    .addOption(seedOption())
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)

type Flags = ReturnType<ReturnType<typeof options>['opts']>

export const declare = (program: Command): void => void options(program).action(run)

/** Scores a classifier on every row of a file or files (of a data set that has a name, on its test rows). */
async function run(source: string, flags: Flags): Promise<void> {
  const preparation = preparationOf(flags)
  const { loadRows, loadTrainingRows } = await import('../../data/rows.ts')
  const { compareClassifiers, evaluateClassifier, evaluateMultiLabel, evaluateRegression } =
    await import('../../evaluation/evaluate.ts')
  const { readModelConfig } = await import('../../model/load.ts')
  const { createProgress } = await import('../progress.ts')
  const { comparisonWords, floorWords, multiLabelWords, regressionWords, scoreWords } = await import('../scores.ts')
  const { data: file, text, textPair, label, labelSeparator, labels, threshold, positive } = flags
  const { train, floors, device, threads, wide, seed, json } = flags
  const reporter = createProgress()
  const config = await readModelConfig(source)
  const { against } = flags
  if (against !== undefined && config?.labels.length === 0) return compareEmbedders(source, against, flags)
  if (config?.labels.length === 0)
    throw new UsageError(
      `${source} has no classifier: its vectors are scored beside those of another model, e.g. the one it was made of: give --against MODEL`,
    )
  // labels that compete need no word: lists in the data are then told from them
  const own = config && problemTypeOf(config)
  const problemType = flags.problemType ?? (own === 'single_label_classification' ? undefined : (own ?? undefined))
  const modelLabels = labels ?? config?.labels
  const reading = { text, textPair, label, labelSeparator, problemType, modelLabels, seed }
  const data = await loadRows(file, reading)
  for (const note of data.notes) reporter.note(note)
  const asked = {
    ...{ device, threads, wide, seed, preparation, reporter },
    ...(labels && { labels }),
    ...(flags.problemType && { problemType: flags.problemType }),
  }
  const print = (result: { n: number; seconds: number }, words: string): void =>
    void process.stdout.write(
      json ? `${JSON.stringify(result)}\n` : `${result.n} texts in ${result.seconds.toFixed(2)} s\n${words}`,
    )
  // a data set that has a name says nothing of it: its labels compete
  if (against !== undefined && (data.problemType ?? 'single_label_classification') !== 'single_label_classification')
    throw new UsageError('--against compares classifiers of one label a text, or embedders; leave it out')
  if (data.problemType === 'multi_label_classification') {
    const result = await evaluateMultiLabel(source, data, { ...asked, ...(threshold !== undefined && { threshold }) })
    return print(result, multiLabelWords(result))
  }
  if (threshold !== undefined)
    throw new UsageError('--threshold goes with lists of labels, and the data has one label a text; leave it out')
  if (data.problemType === 'regression') {
    const result = await evaluateRegression(source, data, asked)
    return print(result, regressionWords(result))
  }
  const of = { ...asked, ...(positive !== undefined && { positive }) }
  if (against !== undefined) {
    const compared = await compareClassifiers(source, against, data, of)
    return print(compared, scoreWords(compared) + comparisonWords(compared, against))
  }
  const result = await evaluateClassifier(source, data, of)
  if (!floors) return print(result, scoreWords(result))
  const { LEAST_FLOOR_ROWS, measureRowFloors } = await import('../../evaluation/evaluate.ts')
  if (train === undefined && data.rows.length < LEAST_FLOOR_ROWS) {
    reporter.note(`no floors: ${data.rows.length} texts are too few to learn from; give --train`)
    return print(result, scoreWords(result))
  }
  if (data.rows.some(({ text_pair: second }) => second !== undefined)) {
    reporter.note('no floors: they read single texts, and these are pairs')
    return print(result, scoreWords(result))
  }
  const training = train === undefined ? null : await loadTrainingRows(train, reading)
  const found = await measureRowFloors(data, result, { train: training, seed })
  const how = train === undefined ? 'five parts of these texts, each said by the other four' : `trained on ${train}`
  const withFloors = { ...result, floors: found }
  print(withFloors, scoreWords(result) + floorWords(found, result, how))
}

async function compareEmbedders(source: string, against: string, flags: Flags): Promise<void> {
  const { evaluateVectors } = await import('../evaluate-vectors.ts')
  const { vectorLines } = await import('../compress-vectors.ts')
  const { createProgress } = await import('../progress.ts')
  const { data, text, device, threads, seed, json } = flags
  const result = await evaluateVectors(source, against, {
    data,
    text,
    device,
    threads,
    seed,
    reporter: createProgress(),
  })
  const lines = vectorLines(result, `vectors beside those of ${against}, on ${result.texts} texts of ${data}`)
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : `${lines.join('\n')}\n`)
}
