// npm run isa: what the GPU's own compilers make of the shaders, without a GPU. docs/gpu-isa.md says what it can show.
//   npm run isa -- setup FOLDER
//   npm run isa -- counts FOLDER [--targets amd-navi31,intel-tgl] [--only EXPRESSION] [--write]
//   npm run isa -- counts FOLDER --targets amd-navi31 --files a.wgsl,b.wgsl
//   npm run isa -- forward FOLDER --targets amd-navi31     (main-thread CPU time of BERT-base's commands)
//   npm run isa -- table [--targets …]
//   npm run isa -- roofline                                (a paper model from the stored counts)
// Needs root on Debian or Ubuntu x64; nothing of the package, and no test, depends on it.

import { spawnSync } from 'node:child_process'
import {
  closeSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { createRequire } from 'node:module'
import { basename, dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { buildSync } from 'esbuild'
import { ISA_COUNTS, storeCounts, type Counts } from './counts.ts'
import { hotLoop } from './loops.ts'
import { parsePrinted } from './parse.ts'
import { rooflineLines } from './roofline.ts'
import { shaderCases, type ShaderCase } from './shaders.ts'
import { printTable } from './table.ts'
import { isTarget, TARGETS, type TargetName } from './targets.ts'

const HERE = import.meta.dirname

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    targets: { type: 'string', default: 'amd-navi31,intel-tgl' },
    only: { type: 'string', default: '' },
    files: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
})

function fail(message: string): never {
  console.error(`isa: ${message}`)
  process.exit(1)
}

/** Runs a command and gives what it prints, both streams in their order; says what came last where it fails. */
function run(command: string, args: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'isa-'))
  const file = openSync(join(folder, 'printed'), 'w+')
  try {
    const { status, error } = spawnSync(command, args, { stdio: ['ignore', file, file] })
    if (error) fail(`${command} does not start: ${error.message}`)
    const printed = readFileSync(join(folder, 'printed'), 'utf8')
    if (status !== 0) fail(`${command} ended with ${String(status)}:\n${printed.slice(-3000)}`)
    return printed
  } finally {
    closeSync(file)
    rmSync(folder, { recursive: true })
  }
}

function checkMachine(): void {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    fail(`the drivers are those of Debian x64; this is ${process.platform} ${process.arch}`)
  if (process.getuid?.() !== 0) fail('needs root, to enter the folder as the root of another system (chroot)')
}

function setUp(folder: string): void {
  const { status } = spawnSync('bash', [join(HERE, 'setup.sh'), folder], { stdio: 'inherit' })
  if (status !== 0) fail(`setup.sh ended with ${String(status)}; what it said last is above, its logs are in ${folder}`)
}

/** Copies Node and Dawn, which the root lacks. */
function copyTools(root: string): void {
  const tools = join(root, 'isa/tools')
  mkdirSync(join(tools, 'node_modules'), { recursive: true })
  if (!existsSync(join(tools, 'node'))) copyFileSync(process.execPath, join(tools, 'node'))
  const dawn = dirname(createRequire(import.meta.url).resolve('webgpu'))
  if (!existsSync(join(tools, 'node_modules/webgpu')))
    cpSync(dawn, join(tools, 'node_modules/webgpu'), { recursive: true, dereference: true })
  copyFileSync(join(HERE, 'make-pipelines.ts'), join(tools, 'make-pipelines.ts'))
  writeFileSync(join(tools, 'package.json'), '{ "type": "module" }\n')
}

/** Runs Node inside the root, where the target's GPU seems to be. */
function runInside(root: string, target: TargetName, args: string[]): string {
  const variables = { ...TARGETS[target].environment, XDG_RUNTIME_DIR: '/tmp', MESA_SHADER_CACHE_DISABLE: 'true' }
  // set inside: the shim is no library of the system outside
  const assignments = Object.entries(variables).map((pair) => pair.join('='))
  return run('chroot', [root, 'env', ...assignments, '/isa/tools/node', ...args])
}

/** CPU time of forwards, whose commands the driver records and nothing executes. */
function forward(root: string, target: TargetName): void {
  const file = '/isa/tools/forward.js'
  buildSync({
    entryPoints: [join(HERE, 'forward.ts')],
    outfile: join(root, file),
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['webgpu'],
  })
  for (const recipe of ['f32', 'q8']) {
    const printed = runInside(root, target, [file, recipe, '12', '200'])
    for (const line of printed.split('\n')) if (line.includes(' dispatches,')) console.log(line)
  }
}

function compile(root: string, target: TargetName, cases: ShaderCase[]): Counts {
  const { vendor, withoutChecks } = TARGETS[target]
  const file = `/isa/tools/list-${process.pid}.json`
  const list = join(root, file)
  writeFileSync(list, JSON.stringify(cases))
  const args = ['/isa/tools/make-pipelines.ts', file, ...(withoutChecks ? ['without-checks'] : [])]
  const printed = runInside(root, target, args)
  rmSync(list)
  if (process.env.ISA_KEEP) writeFileSync(`${process.env.ISA_KEEP}.${target}.txt`, printed)
  const { driver, sections } = parsePrinted(printed, vendor)
  const nests = new Map(cases.map((one) => [one.name, one.nest]))
  return {
    driver,
    shaders: Object.fromEntries(
      sections.map(({ name, compiled, error }) => [
        name,
        compiled === null
          ? { error: error! }
          : {
              registers: compiled.registers,
              occupancy: compiled.occupancy,
              spills: compiled.spills,
              fills: compiled.fills,
              cycles: compiled.cycles,
              instructions: compiled.code.length,
              hot: hotLoop(compiled.code, compiled.loops, nests.get(name)),
            },
      ]),
    ),
  }
}

const targets = values.targets.split(',').map((name): TargetName => {
  if (!isTarget(name)) fail(`no target '${name}'; there are ${Object.keys(TARGETS).join(', ')}`)
  return name
})
const [verb, folder] = positionals

switch (verb) {
  case 'setup':
    if (!folder) fail('setup needs a folder, which will hold 1.5 GB')
    checkMachine()
    setUp(resolve(folder))
    break
  case 'counts': {
    if (!folder) fail('counts needs the folder that setup made')
    checkMachine()
    const root = resolve(folder)
    if (!existsSync(join(root, 'isa/shims'))) fail(`${root} holds no drivers: npm run isa -- setup ${folder}`)
    copyTools(root)
    const cases = values.files
      ? values.files
          .split(',')
          .map((file) => ({ name: basename(file), code: readFileSync(file, 'utf8'), constants: {} }))
      : shaderCases(new RegExp(values.only))
    if (cases.length === 0) fail(`no shader's name matches ${values.only}`)
    if (values.files && values.write) fail('--write stores the shaders of the package; leave out --files')
    for (const target of targets) {
      const found = compile(root, target, cases)
      printTable(target, found)
      if (values.write) storeCounts(target, found, values.only === '')
    }
    break
  }
  case 'forward':
    if (!folder) fail('forward needs the folder that setup made')
    checkMachine()
    copyTools(resolve(folder))
    for (const target of targets) forward(resolve(folder), target)
    break
  case 'table':
    for (const target of targets) {
      const counts = ISA_COUNTS[target]
      if (counts) printTable(target, counts)
      else fail(`no counts of ${target} are stored`)
    }
    break
  case 'roofline':
    console.log(rooflineLines().join('\n'))
    break
  default:
    fail("say 'setup FOLDER', 'counts FOLDER', 'forward FOLDER', 'table' or 'roofline'")
}
