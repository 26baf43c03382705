#!/usr/bin/env node
// The command line. A verb is a file that declares its options and loads what it needs when it is called, so that help and
// errors are quick.

import { Command, CommanderError } from '@commander-js/extra-typings'
import * as bench from './verbs/bench.ts'
import * as classify from './verbs/classify.ts'
import * as compress from './verbs/compress.ts'
import * as distil from './verbs/distil.ts'
import * as evaluate from './verbs/evaluate.ts'
import * as exportOnnx from './verbs/export-onnx.ts'
import { examples } from './examples.ts'
import { exitCodeOf, failureSentence } from './failure.ts'
import * as info from './verbs/info.ts'
import * as inspect from './verbs/inspect.ts'
import * as study from './verbs/study.ts'
import * as train from './verbs/train.ts'
import * as verify from './verbs/verify.ts'
import { hasWideFlag, runAgainWide } from './wide.ts'
import { packageVersion } from '../report/machine.ts'

const NAME = 'compact-kernels'

/** In the order of the help. */
const VERBS = [study, train, distil, compress, evaluate, classify, inspect, exportOnnx, info, verify, bench]

const EXAMPLES = `${examples(
  'compact-kernels study --quick --out study-quick',
  'compact-kernels train --data reviews.csv --out my-model',
  'compact-kernels compress my-model --recipe q8+e8 --out my-small',
  "echo 'a fine film' | compact-kernels classify my-small",
)}

Each command has examples and options of its own: compact-kernels <command> --help`

function buildProgram(version: string): Command {
  const program = new Command(NAME)
    .description('Small, fast BERT: compress, compare, run.')
    .version(version)
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .showHelpAfterError('(add --help for the options)')
    .enablePositionalOptions()
  for (const { declare } of VERBS) declare(program)
  return program
}

/** Thrown past the action of a command that another process has run. */
class RanAgain extends Error {
  readonly code: number
  constructor(code: number) {
    super('another process has run the command')
    this.code = code
  }
}

async function main(): Promise<number> {
  // a reader such as `head` that has seen enough is no error
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE')
      process.stderr.write(`${NAME}: the output could not be written: ${failureSentence(error)}\n`)
    process.exit(error.code === 'EPIPE' ? 0 : 1)
  })
  try {
    const program = buildProgram(await packageVersion())
    program.hook('preAction', async (_, command) => {
      const { wide } = command.opts() as { wide?: boolean }
      if (wide && !hasWideFlag()) throw new RanAgain(await runAgainWide(process.argv.slice(1)))
    })
    await program.parseAsync()
    return Number(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof RanAgain) return error.code
    // commander has said its sentence by itself
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    process.stderr.write(`${NAME}: ${failureSentence(error)}\n`)
    if (process.env.COMPACT_KERNELS_STACK && error instanceof Error) process.stderr.write(`${error.stack}\n`)
    return exitCodeOf(error)
  }
}

process.exitCode = await main()
