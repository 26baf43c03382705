// `classify`: texts in, classes out.

import { Option, type Command } from '@commander-js/extra-typings'
import { examples } from '../examples.ts'
import { deviceOption, fraction, MODEL_HELP, threadsOption, wholeNumber } from '../values.ts'
import { wideOption } from '../wide.ts'

const EXAMPLES = `${examples(
  "echo 'a fine film' | compact-kernels classify ./my-model",
  'compact-kernels classify ./my-model --in texts.jsonl --out answers.jsonl --resume',
  'parallel --pipe -j 2 compact-kernels classify ./my-model --threads 1 < texts.txt > answers.jsonl',
)}

The exit code is 1 where a line could not be read; all the others have their answers.`

export const declare = (program: Command): void =>
  void program
    .command('classify')
    .description(
      'filter: lines or JSONL with a "text", and of pairs a "text_pair", on stdin, JSONL {text, label, score} on stdout',
    )
    .argument('<model>', MODEL_HELP)
    .option('--in <file>', 'read this file, not stdin')
    .option('--out <file>', 'write the answers to this file, not to stdout')
    .option('--resume', 'go on after the whole lines that --out holds')
    .addOption(
      new Option('--on-error <what>', 'a line that cannot be read: its answer is {"error": ...}, or the run ends there')
        .choices(['continue', 'stop'] as const)
        .default('continue' as const),
    )
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
    .addOption(wideOption())
    .addHelpText('after', EXAMPLES)
    .action(async (model, flags) => (await import('../classify.ts')).classifyCommand(model, flags))
