// `study`: every compressed variant of a classifier, side by side.

import { Option, type Command } from '@commander-js/extra-typings'
import { join } from 'node:path'
import type { StudyResults } from '../../report/results.ts'
import { METRICS } from '../../evaluation/statistics.ts'
import { TEACHERS } from '../../train/defaults.ts'
import { declareMerge } from './study-merge.ts'
import { examples } from '../examples.ts'
import { UsageError } from '../failure.ts'
import { columnOptions, preparationOptions } from '../options.ts'
import { amount, DATA_HELP, deviceList, fileList, jsonOption, MODEL_HELP, positiveNumber } from '../values.ts'
import { preparationOf, seedOption, threadsOption, wholeNumber } from '../values.ts'

const EXAMPLES = examples(
  'compact-kernels study --quick --out study-quick',
  'compact-kernels study --data reviews.csv --text body --label stars --out my-study',
  'compact-kernels study --variants baseline,q8+e8,sp90x4+q8+e8,student --devices cpu',
  'compact-kernels study --model my-model --data reviews.csv --seeds 3 --out my-study',
)

const options = (program: Command) =>
  preparationOptions(
    columnOptions(
      program
        .command('study')
        .description(
          'compare every compressed variant of a classifier: size, quality beside simple floors, time on CPU and GPU',
        ),
    ),
  )
    .addOption(
      new Option(
        '--task <task>',
        'classify: rows of a classifier; embed: of --model, an embedder, whose vectors beside its own are judged on --test, else on a part of --data',
      )
        .choices(['classify', 'embed'] as const)
        .default('classify' as const),
    )
    .option('--model <model>', `${MODEL_HELP} (default: a small model trained from random weights)`)
    .option('--data <file>', `${DATA_HELP} (default: builtin:mail; with --quick builtin:reviews)`, fileList())
    .option('--test <file>', 'file with the test rows (default: a fifth of --data)', fileList())
    .option(
      '--validation <file>',
      'rows to choose ranks and variants by (default: a tenth of the training rows)',
      fileList(),
    )
    .option(
      '--unlabelled <file>',
      'more texts, one a line or a text column, for the student and the rows trained again: the baseline alone decides on them',
      fileList(),
    )
    .option(
      '--variants <list>',
      "rows joined by commas, 'paper' for the ten rows of the paper, 'all', or recipes of your own",
      'all',
    )
    .option('--devices <list>', 'cpu, gpu or cpu,gpu (default: both, where there is a GPU)', deviceList)
    .option(
      '--tokens <n>',
      'most tokens of a text; longer ones lose their end (default: 128; of builtin:mail 512)',
      wholeNumber(8, 4096),
    )
    .option(
      '--minutes <n>',
      'how long it may take in all: a slow machine trains less and times fewer rounds (default: 9; with --quick 1.8)',
      positiveNumber(10_000),
    )
    .addOption(
      new Option('--metric <measure>', 'what decides on ranks, variants, recommendations and differences')
        .choices(METRICS)
        .default('macroF1' as const),
    )
    .option('--positive <label>', 'label that F1 is of (default: the rarer of two)')
    .option('--balance', 'train the baseline as if every class had as many texts as the largest')
    .option('--threshold', 'decide between two classes where --metric is best on the validation texts')
    .addOption(
      new Option(
        '--teacher <model>',
        'what teaches a baseline with random weights beside the labels. linear: logistic regression, which says of each text what it learned from others',
      )
        .choices(TEACHERS)
        .default('linear' as const),
    )
    .option('--student <model>', 'layers x width such as 2x64, a preset, or the folder of a model that distil made')
    .option('--no-tuning', 'do not train shaped weights again')
    .option(
      '--passes <n>',
      'passes over the training texts for a row trained again, where time allows (default: 1, sparse rows 2)',
      positiveNumber(1000),
    )
    .option(
      '--taught <n>',
      'with --task embed: most training texts that rows trained again learn from (default: 20000)',
      wholeNumber(1, 1e6),
    )
    .option(
      '--hidden-weight <x>',
      "in such training adds x times the mean square between the row's hidden states and those of its base",
      amount,
      0,
    )
    .option('--quick', 'synthetic data, smaller models, fewer steps: under two minutes')
    .option('--out <folder>', 'results and models; a study that was stopped goes on there', 'study-out')
    .option(
      '--show-texts',
      'copy test texts that flip against the baseline into the report (default: of synthetic data alone)',
    )
    .option('--fresh', 'forget what an earlier study left in --out')
    .option(
      '--seeds <n>',
      'repeat the whole study for n seeds from --seed on; seeds.md compares them',
      wholeNumber(1, 100),
      1,
    )
    .addOption(seedOption())
    .addOption(threadsOption())
    .addOption(jsonOption())
    .addHelpText('after', EXAMPLES)

type Flags = ReturnType<ReturnType<typeof options>['opts']>

export function declare(program: Command): void {
  const study = options(program).action(run)
  declareMerge(study as unknown as Command)
}

/** Runs a study; the first Ctrl-C lets it write what is finished, the second ends at once. */
async function run(flags: Flags): Promise<void> {
  if (flags.task === 'embed') return runEmbedding(flags)
  const idle = flags.passes !== undefined ? '--passes' : flags.hiddenWeight > 0 ? '--hidden-weight' : null
  if (flags.taught !== undefined)
    throw new UsageError('--taught goes with --task embed: rows of a classifier learn from all training texts')
  if (!flags.tuning && idle)
    throw new UsageError(`${idle} is of the training that --no-tuning leaves out; give one of them`)
  const { interruptible } = await import('../interruptible.ts')
  await interruptible('stopping: the finished rows are being written', (signal) => runSeeds(flags, signal))
}

async function runSeeds(flags: Flags, signal: AbortSignal): Promise<void> {
  const { runStudy } = await import('../../study/study.ts')
  const { createProgress } = await import('../progress.ts')
  const { summary } = await import('../study-summary.ts')
  const { task: _, taught: _taught, seeds, json, tuning, prepare, language, ...settings } = flags
  const preparation = preparationOf({ prepare, language })
  const finished: StudyResults[] = []
  for (let seed = flags.seed; seed < flags.seed + seeds; seed++) {
    // each seed after the first has another folder; the first is what a single seed would be
    const out = seed === flags.seed ? flags.out : join(flags.out, `seed-${seed}`)
    const { results, stopped } = await runStudy(
      { ...settings, preparation, isTuned: tuning, seed, out },
      { reporter: createProgress(), signal },
    )
    process.stdout.write(json ? `${JSON.stringify(results)}\n` : summary(results, out))
    if (stopped) {
      process.stderr.write(`stopped with ${results.rows.length} rows finished; run the same command again to go on\n`)
      process.exitCode = 130
      return
    }
    finished.push(results)
  }
  if (seeds > 1) {
    const { writeWhole } = await import('../../io/folder.node.ts')
    const { seedsMarkdown } = await import('../../report/seeds.ts')
    await writeWhole(join(flags.out, 'seeds.md'), [seedsMarkdown(finished)])
    if (!json) process.stdout.write(`${flags.out}/seeds.md\n`)
  }
}

/** Options that mean nothing where vectors are judged, with the value that stands for not given. */
const CLASSES_ALONE = {
  validation: 'validation',
  unlabelled: 'unlabelled',
  devices: 'devices',
  positive: 'positive',
  balance: 'balance',
  threshold: 'threshold',
  student: 'student',
  quick: 'quick',
  showTexts: 'show-texts',
  prepare: 'prepare',
  language: 'language',
} as const

async function runEmbedding(flags: Flags): Promise<void> {
  const idle = (Object.keys(CLASSES_ALONE) as (keyof typeof CLASSES_ALONE)[]).find((name) => flags[name] !== undefined)
  const other = idle ? CLASSES_ALONE[idle] : flags.seeds > 1 ? 'seeds' : null
  if (other) throw new UsageError(`--${other} is of a study of a classifier; leave it out with --task embed`)
  const { model, data, tuning, json, out, hiddenWeight, taught } = flags
  if (model === undefined || data === undefined)
    throw new UsageError('--task embed studies an embedder on texts: give both --model FOLDER and --data FILE')
  if (!tuning && hiddenWeight > 0)
    throw new UsageError('--hidden-weight is of the training that --no-tuning leaves out; give one of them')
  const { runEmbeddingStudy } = await import('../../study/embedding-study.ts')
  const { embeddingCells } = await import('../../report/embedding-results.ts')
  const { columns } = await import('../columns.ts')
  const { createProgress } = await import('../progress.ts')
  const { interruptible } = await import('../interruptible.ts')
  await interruptible('stopping: the finished rows are being written', async (signal) => {
    const { test, text, label, variants, seed, threads, tokens, passes, fresh } = flags
    const asked = { ...{ out, model, data, test, text, label, variants, seed, threads, tokens, passes, fresh } }
    const { results, stopped } = await runEmbeddingStudy(
      { ...asked, hiddenWeight, taught, minutes: tuning ? flags.minutes : 0 },
      { reporter: createProgress(), signal },
    )
    const cells = embeddingCells(results)
    const table = columns(cells, [...cells[0].keys()]).join('\n')
    process.stdout.write(
      json ? `${JSON.stringify(results)}\n` : `${table}\n\n${out}/table.md  ${out}/report.html  ${out}/results.json\n`,
    )
    if (!stopped) return
    process.stderr.write(`stopped with ${results.rows.length} rows finished; run the same command again to go on\n`)
    process.exitCode = 130
  })
}
