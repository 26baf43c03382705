#!/usr/bin/env node
// The command line. Each verb loads what it needs when it is called, so that help and errors are quick.

import { Command, CommanderError, Option } from 'commander'
import { exitCodeOf, failureSentence } from './failure.ts'
import { PRESETS } from '../model/config.ts'
import {
  amount,
  budget,
  deviceList,
  deviceOption,
  fileList,
  fraction,
  jsonOption,
  languageOption,
  percentage,
  positiveNumber,
  prepareOption,
  seedOption,
  threadsOption,
  timingDeviceOption,
  vocabularyChoice,
  wholeNumber,
} from './values.ts'

const NAME = 'compact-kernels'

const DATA_HELP = 'CSV, TSV or JSONL file, several by commas or by --data again, or builtin:reviews'
const MODEL_HELP = 'folder, hub id or preset:NAME'

function dataOptions(command: Command): Command {
  return command.option('--text <column>', 'column of the texts').option('--label <column>', 'column of the labels')
}

function preparationOptions(command: Command): Command {
  return command.addOption(prepareOption()).addOption(languageOption())
}

function trainingOptions(command: Command): Command {
  return preparationOptions(dataOptions(command))
    .requiredOption('--data <file>', DATA_HELP, fileList())
    .option('--test <file>', 'file with the test rows (default: a fifth of --data)', fileList())
    .requiredOption('--out <folder>', 'where the model goes')
    .option('--epochs <n>', 'passes over the training texts', positiveNumber(1000), 4)
    .option('--minutes <n>', 'most minutes to train', positiveNumber(100_000), 10)
    .option('--batch <n>', 'texts a step', wholeNumber(1, 4096), 32)
    .option('--learning-rate <x>', 'peak of the schedule', positiveNumber(1))
    .option('--accumulate <n>', 'batches whose gradients make one step', wholeNumber(1, 1000))
    .option('--dropout <share>', 'states dropped at random in training', fraction, 0.1)
    .option(
      '--piece-dropout <share>',
      'word pieces that fall into smaller ones at random whenever a text is read; 0.1 helps where texts are few',
      fraction,
    )
    .addOption(
      new Option(
        '--quantization-aware <steps>',
        'train on operands rounded as these steps will round them; compress afterwards',
      ).choices(['q8', 'q8+e8']),
    )
    .option('--resume', 'go on with a training that was stopped: its checkpoint is in OUT.training')
    .addOption(seedOption())
    .addOption(threadsOption())
    .addOption(jsonOption())
}

export function buildProgram(): Command {
  const program = new Command(NAME)
    .description('Small, fast BERT: compress, compare, run.')
    .exitOverride()
    .showHelpAfterError('(add --help for the options)')
    .enablePositionalOptions()

  preparationOptions(
    dataOptions(
      program
        .command('study')
        .description('compare every compressed variant of a classifier: size, F1, time on CPU and GPU'),
    ),
  )
    .option('--model <model>', `${MODEL_HELP} (default: a small model trained from random weights)`)
    .option('--data <file>', DATA_HELP, fileList(), 'builtin:reviews')
    .option('--test <file>', 'file with the test rows (default: a fifth of --data)', fileList())
    .option(
      '--validation <file>',
      'rows to choose ranks and forms by (default: a tenth of the training rows)',
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
      '--minutes <n>',
      'about how long it may take on two cores (default: 9; with --quick 1.75)',
      positiveNumber(10_000),
    )
    .option('--student <model>', 'layers x width such as 2x64, a preset, or the folder of a model that distil made')
    .option('--no-tuning', 'do not train shaped weights again')
    .option(
      '--passes <n>',
      'passes over the training texts for a row trained again, where time allows (default: 1, sparse rows 2)',
      positiveNumber(1000),
    )
    .option(
      '--hidden-weight <x>',
      "in such training adds x times the mean square between the row's hidden states and those of its base",
      amount,
      0,
    )
    .option('--quick', 'less data, smaller models, fewer steps: under two minutes')
    .option('--out <folder>', 'results and models; a study that was stopped goes on there', 'study-out')
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
    .action(async (options) => (await import('./study.ts')).studyCommand(options))

  trainingOptions(program.command('train').description('train a classifier'))
    .option('--model <model>', `${MODEL_HELP} to start from (default: a small model with random weights)`)
    .option('--size <size>', "layers x width of a model with random weights, or a preset's name (default: 2x192)")
    .option('--tune', 'first search learning rate, epochs, dropout and batch on a part of the training texts')
    .option('--trials <n>', 'settings that --tune tries (default: 9)', wholeNumber(1, 1000))
    .action(async (options) => (await import('./train.ts')).trainCommand(options))

  trainingOptions(
    program
      .command('distil')
      .description('train a small student of a classifier')
      .argument('<teachers...>', `${MODEL_HELP}; of several the mean of their logits is learned`),
  )
    .option(
      '--student <size>',
      `layers x width such as 2x128, a preset's name (${Object.keys(PRESETS).join(', ')}), or a model's folder or hub id to start from`,
      '1x64',
    )
    .addOption(
      new Option(
        '--init <from>',
        "teacher: its layers, and of a narrower student its tables, projected; fresh: random weights (default: 'fresh')",
      ).choices(['teacher', 'fresh']),
    )
    .option(
      '--vocabulary <words>',
      "same as the teacher's, task: what of it the texts use, or N: a new one of N tokens (default: task with --init teacher or --hidden-weight, else 4096)",
      vocabularyChoice,
    )
    .option(
      '--alpha <x>',
      'share of the labels in the loss alpha CE + (1 - alpha) T^2 KL; the factor T^2 keeps gradients as large whatever T is',
      fraction,
      0.5,
    )
    .option('--temperature <T>', 'divides the logits of both in KL', positiveNumber(100), 2)
    .option('--logit-mse <x>', 'adds x times the mean square between the logits', amount, 0)
    .option('--hidden-weight <x>', 'adds x times the mean square between states of evenly paired layers', amount, 0)
    .option(
      '--unlabelled <file>',
      'more texts, one a line or a text column, on which the teacher alone decides',
      fileList(),
    )
    .option(
      '--augment <n>',
      'n times as many altered texts: words replaced by near ones of the teacher, dropped, texts cut and joined; the teacher alone decides on them',
      wholeNumber(1, 1000),
    )
    .action(async (teachers, options) => (await import('./distil.ts')).distilCommand(teachers, options))

  dataOptions(
    program
      .command('compress')
      .description('apply a recipe to a model, or choose a form for every layer by a budget')
      .argument('<model>', MODEL_HELP),
  )
    .option('--recipe <steps>', 'steps joined by +, e.g. sp80x4+q8+e8')
    .option('--budget <size or time>', 'or: least error within 5MB of file, or within 3ms a text', budget)
    .option('--max-loss <share>', 'or: smallest file that loses at most 1% of its F1', percentage)
    .option('--fastest', 'with --max-loss: the fastest model, not the smallest')
    .requiredOption('--out <folder>', 'where the model goes')
    .option(
      '--data <file>',
      'texts, labelled or not: vocab keeps their tokens, wsvd, wtucker, wanda, q8:static and heads<h>-ffn<f> learn from them what layers see and need; a budget is decided by labelled ones. Of labelled texts the fifth that train holds out is not learnt from',
      fileList(),
    )
    .option('--tokens <n>', 'of the text that times are of (default: the median of --data)', wholeNumber(1, 4096))
    .option('--ledger <file>', 'write what a budget decided, and from what, as JSON')
    .addOption(timingDeviceOption())
    .addOption(threadsOption())
    .addOption(seedOption())
    .addOption(jsonOption())
    .action(async (model, options) => (await import('./compress.ts')).compressCommand(model, options))

  preparationOptions(
    dataOptions(program.command('evaluate').description('score a classifier').argument('<model>', MODEL_HELP)),
  )
    .requiredOption('--data <file>', DATA_HELP, fileList())
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addOption(seedOption())
    .addOption(jsonOption())
    .action(async (model, options) => (await import('./evaluate.ts')).evaluateCommand(model, options))

  program
    .command('classify')
    .description('filter: lines or JSONL with a "text" on stdin, JSONL {text, label, score} on stdout')
    .argument('<model>', MODEL_HELP)
    .addOption(new Option('--input <form>', 'what stdin holds').choices(['auto', 'lines', 'jsonl']).default('auto'))
    .option('--batch <n>', 'most texts at once', wholeNumber(1, 4096), 32)
    .addOption(deviceOption())
    .addOption(threadsOption())
    .action(async (model, options) => (await import('./classify.ts')).classifyCommand(model, options))

  program
    .command('inspect')
    .description('where the bytes of a model are')
    .argument('[model]', MODEL_HELP)
    .option('--recipe <steps>', 'what would become of it')
    .option('--study', "the study's ten sizes at mBERT's shape, beside ours, with the recipe that gives each")
    .addOption(jsonOption())
    .action(async (model, options) => (await import('./inspect.ts')).inspectCommand(model, options))

  program
    .command('export-onnx')
    .description('write the model as ONNX')
    .argument('<model>', MODEL_HELP)
    .requiredOption('--out <file>', 'the .onnx file')
    .addOption(seedOption())
    .addOption(jsonOption())
    .action(async (model, options) => (await import('./export-onnx.ts')).exportCommand(model, options))

  program
    .command('info')
    .description('the devices that are found here')
    .addOption(threadsOption())
    .addOption(jsonOption())
    .action(async (options) => (await import('./info.ts')).infoCommand(options))

  program
    .command('bench')
    .description('time kernels and models, beside onnxruntime where asked (see: bench --help)')
    .argument('[arguments...]')
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (rest: string[]) => (await import('./bench.ts')).benchCommand(rest))

  return program
}

async function main(): Promise<number> {
  // a reader such as `head` that has seen enough is no error
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  try {
    await buildProgram().parseAsync()
    return Number(process.exitCode ?? 0)
  } catch (error) {
    // commander has said its sentence by itself
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    process.stderr.write(`${NAME}: ${failureSentence(error)}\n`)
    if (process.env.COMPACT_KERNELS_STACK && error instanceof Error) process.stderr.write(`${error.stack}\n`)
    return exitCodeOf(error)
  }
}

process.exitCode = await main()
