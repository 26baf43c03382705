// `compact-kernels bench kernels|models|train|gpu|break-even`; also `node bench/main.ts …`.

import { Command, InvalidArgumentError, Option } from 'commander'
import { fileURLToPath } from 'node:url'
import type { Precision } from '../kernels/webgpu/device.ts'
import type { Size } from './gpu.ts'
import { HOSTS, PEERS, type Host } from './lib/contender.ts'
import { formatTable, gpuCeilingsText, short, writeResult, type BenchResult } from './lib/results.ts'

const DEFAULT_VARIANTS = 'baseline,q8,sp80x4+q8+e8'

const precision = (): Option =>
  new Option('--precision <name>', 'our dense f32 layers on the GPU; f16 needs shader-f16')
    .choices(['f32', 'f16-weights', 'f16'])
    .default('f32')

const list = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)

function count(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError(`expected a whole number from 1, found '${text}'`)
  return value
}

function layerSizes(text: string): [N: number, K: number][] {
  return list(text).map((size) => {
    const [N, K, ...more] = size.split('x').map(count)
    if (K === undefined || more.length > 0 || K % 16 !== 0)
      throw new InvalidArgumentError(`expected NxK with K a multiple of 16, found '${size}'`)
    return [N, K]
  })
}

function zeros(text: string): number[] {
  return list(text).map((part) => {
    const percent = Number(part)
    if (!(percent >= 0 && percent < 100)) throw new InvalidArgumentError(`expected percents below 100, found '${part}'`)
    return percent
  })
}

function devices(text: string): ('cpu' | 'gpu')[] {
  const names = list(text)
  const wrong = names.find((name) => name !== 'cpu' && name !== 'gpu')
  if (wrong !== undefined || names.length === 0)
    throw new InvalidArgumentError(`expected cpu, gpu or cpu,gpu, found '${text}'`)
  return names as ('cpu' | 'gpu')[]
}

function hosts(text: string): Host[] {
  const names = list(text)
  const wrong = names.find((name) => !HOSTS.includes(name as Host))
  if (wrong !== undefined || names.length === 0)
    throw new InvalidArgumentError(`expected some of ${HOSTS.join(', ')}, found '${text}'`)
  return names as Host[]
}

function sizes(text: string): Size[] {
  return list(text).map((size) => {
    const [, batch, tokens] = /^(\d+)x(\d+)$/.exec(size) ?? []
    if (!Number(batch) || !Number(tokens)) throw new InvalidArgumentError(`expected e.g. 1x16, found '${size}'`)
    return { batch: Number(batch), tokens: Number(tokens) }
  })
}

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

function common(command: Command): Command {
  return command
    .addOption(new Option('--devices <list>', 'cpu, gpu or both').default(['cpu'], 'cpu').argParser(devices))
    .addOption(new Option('--threads <n>', 'threads of the CPU contenders').default(1).argParser(count))
    .addOption(new Option('--rounds <n>', 'interleaved rounds').default(7).argParser(count))
    .addOption(new Option('--burst <ms>', 'least length of one burst').default(300).argParser(count))
    .option('--json <file>', 'write the raw result')
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
  const program = new Command('bench').description('kernels and models, timed against the machine and its peers')
  program.exitOverride()
  common(program.command('kernels'))
    .description('each kernel at a model’s shapes, verified against float64, as a share of a probed ceiling')
    .option('--op <list>', 'kernels to run', list)
    .addOption(
      new Option('--shapes <list>', 'files of bench/shapes').default(['bert-base'], 'bert-base').argParser(list),
    )
    .addOption(
      new Option('--peers <list>', 'litert, tfjs-wasm, jax-js: dense layers in Chromium, with ours beside them')
        .default([], 'none')
        .argParser(list),
    )
    .addOption(precision())
    .action(
      async (options: {
        precision: Precision
        op?: string[]
        shapes: string[]
        devices: ('cpu' | 'gpu')[]
        threads: number
        peers: string[]
        rounds: number
        burst: number
        json?: string
      }) => {
        const { benchKernels } = await import('./kernels/bench.ts')
        const { KERNEL_NAMES } = await import('./kernels/cases.ts')
        const result = await benchKernels({
          ...options,
          ops: options.op ?? KERNEL_NAMES,
          burstMs: options.burst,
          command,
          log,
        })
        showCeilings(result)
        await finish(result, options.json)
      },
    )
  common(program.command('models'))
    .description('whole models, ours and the peers’, on the same weights')
    .option('--model <source>', 'preset:NAME, folder or hub id', 'preset:bert-base')
    .addOption(
      new Option('--variants <list>', 'recipes').default(list(DEFAULT_VARIANTS), DEFAULT_VARIANTS).argParser(list),
    )
    .addOption(new Option('--batch <n>', 'sequences').default(1).argParser(count))
    .addOption(new Option('--tokens <n>', 'tokens of each').default(128).argParser(count))
    .addOption(new Option('--peers <list>', Object.keys(PEERS).join(', ')).default([], 'none').argParser(list))
    .addOption(
      new Option('--hosts <list>', `where ours and ort-web run: ${HOSTS.join(', ')} (not isolated, so 1 thread)`)
        .default(['node'], 'node')
        .argParser(hosts),
    )
    .addOption(new Option('--seed <n>', 'weights and token ids').default(1).argParser(count))
    .addOption(precision())
    .action(
      async (options: {
        precision: Precision
        model: string
        variants: string[]
        batch: number
        tokens: number
        devices: ('cpu' | 'gpu')[]
        threads: number
        peers: string[]
        hosts: Host[]
        rounds: number
        burst: number
        seed: number
        json?: string
      }) => {
        const { benchModels, modelTable } = await import('./models.ts')
        const result = await benchModels({ ...options, burstMs: options.burst, command, log })
        log(`\n${modelTable(result.rows)}`)
        showCeilings(result)
        for (const note of result.notes) log(`- ${note}`)
        await finish(result, options.json)
      },
    )
  program
    .command('train')
    .description('a training step, dense and of chains, beside the f32 kernel at the model’s shapes')
    .option('--model <source>', 'preset:NAME, folder or hub id', 'preset:mini')
    .addOption(new Option('--batch <n>', 'sequences').default(8).argParser(count))
    .addOption(new Option('--tokens <n>', 'tokens of each').default(128).argParser(count))
    .addOption(new Option('--threads <n>', 'CPU threads').default(2).argParser(count))
    .addOption(new Option('--rounds <n>', 'interleaved rounds').default(7).argParser(count))
    .addOption(new Option('--burst <ms>', 'least length of one burst').default(300).argParser(count))
    .addOption(new Option('--seed <n>', 'weights and token ids').default(1).argParser(count))
    .option('--json <file>', 'write the raw result')
    .action(
      async (options: {
        model: string
        batch: number
        tokens: number
        threads: number
        rounds: number
        burst: number
        seed: number
        json?: string
      }) => {
        const { benchTrain, trainTable } = await import('./train.ts')
        const result = await benchTrain({ ...options, burstMs: options.burst, command, log })
        log(`\n${trainTable(result.rows)}`)
        showCeilings(result)
        for (const note of result.notes) log(`- ${note}`)
        await finish(result, options.json)
      },
    )
  program
    .command('break-even')
    .description('how sparse or low-rank a layer must be to be faster than dense f32 and dense int8 on the CPU')
    .addOption(new Option('--shapes <list>', 'layers, NxK').default([[768, 768]], '768x768').argParser(layerSizes))
    .addOption(
      new Option('--tokens <list>', 'rows of the input')
        .default([1, 16, 128], '1,16,128')
        .argParser((text: string) => list(text).map(count)),
    )
    .addOption(
      new Option('--zeros <list>', 'percent of weights, or of 1x4 blocks')
        .default([30, 50, 60, 70, 80, 90, 95], '30,50,60,70,80,90,95')
        .argParser(zeros),
    )
    .addOption(new Option('--threads <n>', 'CPU threads').default(1).argParser(count))
    .addOption(new Option('--rounds <n>', 'interleaved rounds').default(5).argParser(count))
    .addOption(new Option('--burst <ms>', 'least length of one burst').default(30).argParser(count))
    .option('--json <file>', 'write the raw result')
    .action(
      async (options: {
        shapes: [N: number, K: number][]
        tokens: number[]
        zeros: number[]
        threads: number
        rounds: number
        burst: number
        json?: string
      }) => {
        const { benchBreakEven } = await import('./break-even.ts')
        const { breakEvenText } = await import('./lib/break-even.ts')
        const result = await benchBreakEven({ ...options, burstMs: options.burst, command, log })
        log(`\n${breakEvenText(result.rows, formatTable)}`)
        showCeilings(result)
        for (const note of result.notes) log(`- ${note}`)
        await finish(result, options.json)
      },
    )
  program
    .command('gpu')
    .description('everything about the GPU here: adapter, limits, ceilings, kernels, whole models')
    .option('--model <source>', 'preset:NAME, folder or hub id', 'preset:bert-base')
    .addOption(
      new Option('--variants <list>', 'recipes').default(list(DEFAULT_VARIANTS), DEFAULT_VARIANTS).argParser(list),
    )
    .addOption(new Option('--rounds <n>', 'interleaved rounds').default(5).argParser(count))
    .addOption(
      new Option('--sizes <list>', 'batch x tokens, e.g. 1x16,32x128; by default what suits the adapter').argParser(
        sizes,
      ),
    )
    .addOption(
      new Option(
        '--peers <list>',
        'ort-webgpu, ort-node-webgpu, jax-webgpu (in Chromium alone), torch-cuda; by default all on a real GPU, none on an emulation',
      ).argParser(list),
    )
    .addOption(
      new Option('--hosts <list>', `where ours and ort-webgpu run: ${HOSTS.join(', ')}`)
        .default(['node'], 'node')
        .argParser(hosts),
    )
    .addOption(
      new Option(
        '--shapes <list>',
        'files of bench/shapes; by default bert-base, of 16 rows on an emulation',
      ).argParser(list),
    )
    .addOption(precision())
    .option('--json <file>', 'write the raw result')
    .action(
      async (options: {
        precision: Precision
        model: string
        variants: string[]
        rounds: number
        sizes?: Size[]
        shapes?: string[]
        peers?: string[]
        hosts: Host[]
        json?: string
      }) => {
        const { benchGpu } = await import('./gpu.ts')
        const result = await benchGpu({ ...options, command, log })
        await finish(result, options.json)
      },
    )
  try {
    await program.parseAsync(argv, { from: 'user' })
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
