// `classify`: texts in, classes out.

import { Option, type Command } from '@commander-js/extra-typings'
import { deviceOption, fraction, MODEL_HELP, threadsOption, wholeNumber } from '../values.ts'

export const declare = (program: Command): void =>
  void program
    .command('classify')
    .description(
      'filter: lines or JSONL with a "text", and of pairs a "text_pair", on stdin, JSONL {text, label, score} on stdout',
    )
    .argument('<model>', MODEL_HELP)
    .addOption(
      new Option('--input <format>', 'what stdin holds')
        .choices(['auto', 'lines', 'jsonl'] as const)
        .default('auto' as const),
    )
    .option('--batch <n>', 'most texts at once', wholeNumber(1, 4096), 32)
    .option(
      '--top-k <n>',
      'list so many labels of a text, best first, under "labels" (default: of a model whose labels do not compete all, else the best alone)',
      wholeNumber(1),
    )
    .option('--threshold <share>', 'list the labels with at least this score under "labels"', fraction)
    .addOption(deviceOption())
    .addOption(threadsOption())
    .action(async (model, flags) => (await import('../classify.ts')).classifyCommand(model, flags))
