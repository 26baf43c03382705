// `compact-kernels bench kernels|models|texts|load|train|gpu|break-even`; also `node bench/main.ts …`.

import { Command, Option } from '@commander-js/extra-typings'
import { fileURLToPath } from 'node:url'
import { WIDE_FLAG } from '../kernels/wasm/wide-flag.ts'
import { examples } from '../ts/cli/examples.ts'
import { hasWideFlag, runAgainWide, wideOption } from '../ts/cli/wide.ts'
import { HOSTS, PEERS } from './lib/contender.ts'
import { formatTable, gpuCeilingsText, short, writeResult, type BenchResult } from './lib/results.ts'
import {
  burstOption,
  count,
  counts,
  devicesOption,
  hostsOption,
  jsonOption,
  layerSizes,
  list,
  modelOption,
  precisionOption,
  roundsOption,
  seedOption,
  sizes,
  threadsOption,
  variantsOption,
  zeros,
} from './options.ts'

const log = (line: string): void => void process.stdout.write(`${line}\n`)

function showCeilings({ ceilings, machine, engine }: BenchResult): void {
  log(`\n${machine.cpu} (${machine.class}), ${machine.platform}, Node ${engine.node}, V8 ${engine.v8}`)
  if (ceilings.cpu) {
    const { threads, f32MulAdd, f32RelaxedMadd, int8DotI16, int8RelaxedDot, readGBs } = ceilings.cpu
    log(
      `CPU ceilings, ${threads} thread${threads === 1 ? '' : 's'}: f32 mul+add ${short(f32MulAdd)}, relaxed madd ${short(f32RelaxedMadd)} Gop/s; ` +
        `int8 dot_i16x8 ${short(int8DotI16)}, relaxed dot ${short(int8RelaxedDot)} Gop/s; read ${short(readGBs)} GB/s`,
    )
  }
  if (ceilings.gpu) log(`GPU ceilings, ${gpuCeilingsText(ceilings.gpu)}`)
}

async function finish(result: BenchResult, json: string | undefined): Promise<void> {
  if (json === undefined) return
  await writeResult(json, result)
  log(`wrote ${json}`)
}

/** A result with its notes: what every bench but that of kernels and of the GPU prints. */
async function tell(table: string, result: BenchResult, json: string | undefined): Promise<void> {
  log(`\n${table}`)
  showCeilings(result)
  for (const note of result.notes) log(`- ${note}`)
  await finish(result, json)
}

function declareKernels(program: Command, command: string): void {
  program
    .command('kernels')
    .addOption(devicesOption())
    .addOption(threadsOption('threads of the CPU contenders', 1))
    .addOption(roundsOption(7))
    .addOption(burstOption(300))
    .addOption(jsonOption())
    .description('each kernel at a model’s shapes, verified against float64, as a share of a probed ceiling')
    .option('--op <list>', 'kernels to run', list)
    .addOption(
      new Option('--shapes <list>', 'files of bench/shapes').argParser(list).default(list('bert-base'), 'bert-base'),
    )
    .addOption(
      new Option('--peers <list>', 'litert, tfjs-wasm, jax-js: dense layers in Chromium, with ours beside them')
        .argParser(list)
        .default(list(''), 'none'),
    )
    .addOption(
      new Option(
        '--copies <n>',
        'of a linear layer’s weights, taken in turn by each run: beyond the caches, as in a model',
      )
        .argParser(count)
        .default(1),
    )
    .addOption(precisionOption())
    .addOption(wideOption())
    .action(async ({ op, burst, json, ...options }) => {
      const { benchKernels } = await import('./kernels/bench.ts')
      const { KERNEL_NAMES } = await import('./kernels/cases.ts')
      const result = await benchKernels({ ...options, ops: op ?? KERNEL_NAMES, burstMs: burst, command, log })
      showCeilings(result)
      await finish(result, json)
    })
}

function declareModels(program: Command, command: string): void {
  program
    .command('models')
    .addOption(devicesOption())
    .addOption(threadsOption('threads of the CPU contenders', 1))
    .addOption(roundsOption(7))
    .addOption(burstOption(300))
    .addOption(jsonOption())
    .description('whole models, ours and the peers’, on the same weights')
    .addOption(modelOption('preset:bert-base'))
    .addOption(variantsOption())
    .addOption(new Option('--batch <n>', 'sequences').argParser(count).default(1))
    .addOption(new Option('--tokens <n>', 'tokens of each').argParser(count).default(128))
    .addOption(new Option('--peers <list>', Object.keys(PEERS).join(', ')).argParser(list).default(list(''), 'none'))
    .addOption(hostsOption(`where ours and ort-web run: ${HOSTS.join(', ')} (not isolated, so 1 thread)`))
    .option('--wide', `ours with its wide kernels too, in a Node with ${WIDE_FLAG}`)
    .addOption(seedOption())
    .addOption(precisionOption())
    .action(async ({ burst, json, ...options }) => {
      const { benchModels, modelTable } = await import('./models.ts')
      const result = await benchModels({ ...options, burstMs: burst, command, log })
      await tell(modelTable(result.rows), result, json)
    })
}

function declareTexts(program: Command, command: string): void {
  program
    .command('texts')
    .description('vectors of real texts by the whole pipeline, tokenizer included, beside transformers.js')
    .requiredOption('--model <source>', 'folder with a tokenizer, or hub id')
    .requiredOption('--data <file>', 'texts: a column of CSV, TSV, JSONL or Parquet, or one a line')
    .addOption(new Option('--texts <n>', 'the first of the file').argParser(count).default(300))
    .addOption(new Option('--variants <list>', 'recipes').argParser(list).default(list('baseline,q8'), 'baseline,q8'))
    .addOption(new Option('--batches <list>', 'texts of one call').argParser(counts).default(counts('1,32'), '1,32'))
    .addOption(new Option('--threads <list>', 'CPU threads').argParser(counts).default(counts('1,2'), '1,2'))
    .addOption(new Option('--peers <list>', 'transformers-js').argParser(list).default(list(''), 'none'))
    .addOption(hostsOption(`where both run: ${HOSTS.join(', ')} (not isolated, so 1 thread)`))
    .option('--wide', `ours with its wide kernels too, in a Node with ${WIDE_FLAG}`)
    .addOption(roundsOption(7))
    .addOption(seedOption())
    .addOption(jsonOption())
    .action(async ({ json, ...options }) => {
      const { benchTexts, textsTable } = await import('./texts.ts')
      const result = await benchTexts({ ...options, command, log })
      await tell(textsTable(result.rows), result, json)
    })
}

function declareLoad(program: Command): void {
  program
    .command('load')
    .description('what a pipeline does before its first answer, stage by stage, each time in a new process or page')
    .argument('<folder>', 'of a model with a tokenizer')
    .addOption(threadsOption('CPU threads', 2))
    .addOption(new Option('--peers <list>', 'transformers-js').argParser(list).default(list(''), 'none'))
    .addOption(hostsOption(`where both start: ${HOSTS.join(', ')} (not isolated, so 1 thread)`))
    .addOption(roundsOption(7))
    .action(async (folder, options) => {
      const { benchLoad, loadTable } = await import('./load-stages.ts')
      log(loadTable(await benchLoad({ folder, ...options, log })))
    })
}

function declareTrain(program: Command, command: string): void {
  program
    .command('train')
    .description('a training step, dense and of chains, beside the f32 kernel at the model’s shapes')
    .addOption(modelOption('preset:mini'))
    .addOption(new Option('--batch <n>', 'sequences').argParser(count).default(8))
    .addOption(new Option('--tokens <n>', 'tokens of each').argParser(count).default(128))
    .addOption(threadsOption('CPU threads', 2))
    .addOption(roundsOption(7))
    .addOption(burstOption(300))
    .addOption(seedOption())
    .addOption(jsonOption())
    .action(async ({ burst, json, ...options }) => {
      const { benchTrain, trainTable } = await import('./train.ts')
      const result = await benchTrain({ ...options, burstMs: burst, command, log })
      await tell(trainTable(result.rows), result, json)
    })
}

function declareBreakEven(program: Command, command: string): void {
  program
    .command('break-even')
    .description('how sparse or low-rank a layer must be to be faster than dense f32 and dense int8 on the CPU')
    .addOption(
      new Option('--shapes <list>', 'layers, NxK').argParser(layerSizes).default(layerSizes('768x768'), '768x768'),
    )
    .addOption(
      new Option('--tokens <list>', 'rows of the input').argParser(counts).default(counts('1,16,128'), '1,16,128'),
    )
    .addOption(
      new Option('--zeros <list>', 'percent of weights, or of 1x4 blocks')
        .argParser(zeros)
        .default(zeros('30,50,60,70,80,90,95'), '30,50,60,70,80,90,95'),
    )
    .addOption(threadsOption('CPU threads', 1))
    .addOption(roundsOption(5))
    .addOption(burstOption(30))
    .addOption(jsonOption())
    .action(async ({ burst, json, ...options }) => {
      const { benchBreakEven } = await import('./break-even.ts')
      const { breakEvenText } = await import('./lib/break-even.ts')
      const result = await benchBreakEven({ ...options, burstMs: burst, command, log })
      await tell(breakEvenText(result.rows, formatTable), result, json)
    })
}

function declareGpu(program: Command, command: string): void {
  program
    .command('gpu')
    .description('everything about the GPU here: adapter, limits, ceilings, kernels, whole models')
    .addOption(modelOption('preset:bert-base'))
    .addOption(variantsOption())
    .addOption(roundsOption(5))
    .option('--sizes <list>', 'batch x tokens, e.g. 1x16,32x128; by default what suits the adapter', sizes)
    .option(
      '--peers <list>',
      'ort-webgpu, ort-node-webgpu, jax-webgpu (in Chromium alone), torch-cuda; by default all on a real GPU, none on an emulation',
      list,
    )
    .addOption(hostsOption(`where ours and ort-webgpu run: ${HOSTS.join(', ')}`))
    .option('--shapes <list>', 'files of bench/shapes; by default bert-base, of 16 rows on an emulation', list)
    .addOption(precisionOption())
    .addOption(jsonOption())
    .action(async ({ json, ...options }) => {
      const { benchGpu } = await import('./gpu.ts')
      await finish(await benchGpu({ ...options, command, log }), json)
    })
}

const EXAMPLES = examples(
  'compact-kernels bench kernels --threads 1',
  'compact-kernels bench models --model preset:tiny --variants baseline,q8+e8 --tokens 16',
  'compact-kernels bench models --peers ort-web --tokens 128 --json result.json',
  'compact-kernels bench texts --model my-model --data reviews.csv --peers transformers-js',
  'compact-kernels bench load my-model',
  'compact-kernels bench train --model preset:mini',
  'compact-kernels bench break-even --shapes 384x384,1536x384',
  'compact-kernels bench gpu --sizes 1x16,32x128',
)

/** @param command what was typed, for the result's file */
export function benchProgram(command: string): Command {
  const program = new Command('bench').description('kernels and models, timed against the machine and its peers')
  program.exitOverride().addHelpText('after', EXAMPLES)
  for (const declare of [declareKernels, declareModels, declareTexts, declareTrain, declareBreakEven, declareGpu])
    declare(program, command)
  declareLoad(program)
  return program
}

/**
 * Runs one bench.
 * @param argv arguments without the program's name, e.g. ['kernels', '--threads', '1']
 * @returns the exit code: 0, or 1 after an error was told
 */
export async function main(argv: string[]): Promise<number> {
  // where the result is written says nothing about what was measured
  const told = argv.filter((word, i) => word !== '--json' && argv[i - 1] !== '--json')
  const command = `npm run bench -- ${told.join(' ')}`
  try {
    // the kernels run in this process; `models` has a process for each contender
    if (argv[0] === 'kernels' && argv.includes('--wide') && !hasWideFlag())
      return await runAgainWide([fileURLToPath(import.meta.url), ...argv])
    await benchProgram(command).parseAsync(argv, { from: 'user' })
    return 0
  } catch (error) {
    const { code, exitCode, message } = error as { code?: string; exitCode?: number; message: string }
    // commander has told its own errors already
    if (code?.startsWith('commander.')) return exitCode ?? 1
    process.stderr.write(`bench: ${message}\n`)
    return 1
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main(process.argv.slice(2))
