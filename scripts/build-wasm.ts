// Compiles assembly/ to build/wasm/*.wasm (and .wat beside them) and embeds the modules in kernels/generated/.
// Skipped where the sources, the settings and the compiler are those of the last build.

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { encodeModule, frequentFirst } from './encode-module.ts'
import { stripExports } from './strip-exports.ts'
import { INFERENCE_DATA_ADDRESS, TRAINING_DATA_ADDRESS } from '../kernels/wasm/abi.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** Compiled with a shared memory; the module for a memory that is not differs in one byte, see `sharedFlag`. */
const BUILDS: Build[] = [
  { build: 'baseline', target: 'baseline' },
  { build: 'relaxed', target: 'relaxed' },
]

interface Build {
  build: 'baseline' | 'relaxed'
  /** of asconfig.json, and the name of the file after the entry's prefix */
  target: string
}

/**
 * Entry file -> prefix of its .wasm files, address of its static data, its builds, and the generated module that embeds them.
 */
const ENTRIES = [
  {
    entry: 'assembly/index.ts',
    prefix: '',
    memoryBase: INFERENCE_DATA_ADDRESS,
    builds: BUILDS,
    output: 'kernels/generated/wasm.ts',
  },
  {
    entry: 'assembly/train.ts',
    prefix: 'train-',
    memoryBase: TRAINING_DATA_ADDRESS,
    builds: BUILDS,
    output: 'kernels/generated/wasm-train.ts',
  },
  {
    entry: 'assembly/wide.ts',
    prefix: 'inference-',
    memoryBase: INFERENCE_DATA_ADDRESS,
    builds: [{ build: 'relaxed', target: 'wide' }] satisfies Build[],
    output: 'kernels/generated/wasm-wide.ts',
  },
]

/** What the outputs depend on besides assembly/. */
const MAKERS = [
  'asconfig.json',
  'scripts/build-wasm.ts',
  'scripts/encode-module.ts',
  'scripts/strip-exports.ts',
  'kernels/wasm/abi.ts',
  'kernels/wasm/embedded.ts',
]

/** What JavaScript calls; no other export of the modules is embedded. */
const CALLED = ['run', 'probe_dot', 'probe_vectors']

const require = createRequire(import.meta.url)

/** Builds what is out of date. Rejects with the compiler's own message where a source does not compile. */
export async function buildWasm(): Promise<void> {
  const compiler = require.resolve('assemblyscript/package.json')
  const version = (JSON.parse(readFileSync(compiler, 'utf8')) as { version: string }).version
  mkdirSync(join(ROOT, 'build/wasm'), { recursive: true })
  mkdirSync(join(ROOT, 'kernels/generated'), { recursive: true })
  await Promise.all(ENTRIES.map((entry) => buildEntry(entry, compiler, version)))
}

/** Builds the modules of one entry where something that it imports has changed. */
async function buildEntry(
  { entry, prefix, memoryBase, builds, output }: (typeof ENTRIES)[number],
  compiler: string,
  version: string,
): Promise<void> {
  const hash = hashInputs(entry, version)
  const stamp = join(ROOT, `build/wasm/${prefix}inputs.sha256`)
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash && existsSync(join(ROOT, output))) return
  const asc = join(dirname(compiler), 'bin/asc.js')
  await Promise.all(
    builds.map(async ({ target }) => {
      const stem = `build/wasm/${prefix}${target}`
      const settings = ['--config', 'asconfig.json', '--target', target, '--memoryBase', String(memoryBase)]
      const files = ['-o', `${stem}.wasm`, '-t', `${stem}.wat`]
      try {
        await promisify(execFile)(process.execPath, [asc, entry, ...settings, ...files], { cwd: ROOT })
      } catch (cause) {
        const { stderr } = cause as { stderr: string }
        throw new Error(`build-wasm: ${entry} (${target}) does not compile:\n${stderr}`, { cause })
      }
    }),
  )
  writeFileSync(join(ROOT, output), embed(prefix, builds))
  writeFileSync(stamp, hash)
}

function hashInputs(entry: string, version: string): string {
  const hash = createHash('sha256').update(version)
  for (const file of [...sourcesOf(entry), ...MAKERS]) hash.update(file).update(readFileSync(join(ROOT, file)))
  return hash.digest('hex')
}

/** The file and all that it imports. */
function sourcesOf(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found
  found.add(file)
  for (const [, name] of readFileSync(join(ROOT, file), 'utf8').matchAll(/\bfrom '(\.[^']+)'/g))
    sourcesOf(`${join(dirname(file), name)}.ts`, found)
  return found
}

/**
 * Where a module says that its imported memory is shared: the byte of the import's limits is 3 (a maximum, shared), and 1
 * for a memory that is not. Atomics are valid on either.
 */
function sharedFlag(bytes: Buffer): number {
  const name = Buffer.concat([Buffer.of(3), Buffer.from('env'), Buffer.of(6), Buffer.from('memory'), Buffer.of(2, 3)])
  const at = bytes.indexOf(name)
  if (at < 0) throw new Error('build-wasm: the module imports no shared memory env.memory')
  return at + name.length - 1
}

function embed(prefix: string, builds: readonly Build[]): string {
  const modules = builds.map(({ build, target }) => {
    const whole = readFileSync(join(ROOT, `build/wasm/${prefix}${target}.wasm`))
    return { build, bytes: stripExports(whole, (name) => CALLED.includes(name)) }
  })
  const order = frequentFirst(modules.map(({ bytes }) => bytes))
  const type = builds === BUILDS ? 'EmbeddedModules' : 'RelaxedModules'
  return [
    '// Made by scripts/build-wasm.ts from assembly/; do not edit.',
    `import { decodeModule, type ${type} } from '../wasm/embedded.ts'`,
    '',
    `const ORDER = '${Buffer.from(order).toString('base64')}'`,
    ...modules.map(({ build, bytes }) => `const ${build.toUpperCase()} = '${encodeModule(bytes, order)}'`),
    '',
    `export const WASM: ${type} = {`,
    ...modules.flatMap(({ build, bytes }) => {
      const text = build.toUpperCase()
      return [
        `  ${build}: () => decodeModule(ORDER, ${text}, ${sharedFlag(bytes)}),`,
        `  '${build}-shared': () => decodeModule(ORDER, ${text}),`,
      ]
    }),
    '}',
    '',
  ].join('\n')
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await buildWasm()
