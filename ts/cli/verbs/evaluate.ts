// `evaluate`: a classifier scored on labelled texts.

import type { Command } from '@commander-js/extra-typings'
import { columnOptions, preparationOptions } from '../options.ts'
import { DATA_HELP, deviceOption, fileList, jsonOption, MODEL_HELP, preparationOf } from '../values.ts'
import { seedOption, threadsOption } from '../values.ts'

const options = (program: Command) =>
  preparationOptions(
    columnOptions(program.command('evaluate').description('score a classifier').argument('<model>', MODEL_HELP)),
  )
    .requiredOption('--data <file>', DATA_HELP, fileList())
    .option(
      '--labels <names>',
      "names of the model's outputs in their order, joined by commas, in place of those in its config.json",
      (text) => text.split(',').map((name) => name.trim()),
    )
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addOption(seedOption())
    .addOption(jsonOption())

export const declare = (program: Command): void => void options(program).action(run)

/** Scores a classifier on every row of a file or files (of builtin:reviews, on its test rows). */
async function run(source: string, flags: ReturnType<ReturnType<typeof options>['opts']>): Promise<void> {
  const preparation = preparationOf(flags)
  const { loadRows } = await import('../../data/rows.ts')
  const { evaluateClassifier } = await import('../../evaluation/evaluate.ts')
  const { createProgress } = await import('../progress.ts')
  const { scoreWords } = await import('../scores.ts')
  const { data: file, text, label, labels, device, threads, seed, json } = flags
  const reporter = createProgress()
  const data = await loadRows(file, { text, label, seed })
  for (const note of data.notes) reporter.note(note)
  const result = await evaluateClassifier(source, data, {
    device,
    threads,
    seed,
    preparation,
    reporter,
    ...(labels && { labels }),
  })
  process.stdout.write(
    json ? `${JSON.stringify(result)}\n` : `${result.n} texts in ${result.seconds.toFixed(2)} s\n${scoreWords(result)}`,
  )
}
