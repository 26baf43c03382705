// Compiles assembly/ to build/wasm/*.wasm (and .wat beside them) and embeds the modules in kernels/generated/.
// Skipped where the sources, the settings and the compiler are those of the last build.

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { stripExports } from './strip-exports.ts'
import { INFERENCE_DATA_ADDRESS, TRAINING_DATA_ADDRESS } from '../kernels/wasm/abi.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** Compiled with a shared memory; the module for a memory of one thread differs in one byte, see `unshared`. */
const BUILDS = ['baseline', 'relaxed'] as const
/**
 * Entry file -> prefix of its .wasm files, address of its static data, and the generated module that embeds them.
 */
const ENTRIES = [
  { entry: 'assembly/index.ts', prefix: '', memoryBase: INFERENCE_DATA_ADDRESS, output: 'kernels/generated/wasm.ts' },
  {
    entry: 'assembly/train.ts',
    prefix: 'train-',
    memoryBase: TRAINING_DATA_ADDRESS,
    output: 'kernels/generated/wasm-train.ts',
  },
]

/** What JavaScript calls; no other export of the modules is embedded. */
const CALLED = ['run', 'probe_dot']

const require = createRequire(import.meta.url)

/** Builds what is out of date. Rejects with the compiler's own message where a source does not compile. */
export async function buildWasm(): Promise<void> {
  const compiler = require.resolve('assemblyscript/package.json')
  const version = (JSON.parse(readFileSync(compiler, 'utf8')) as { version: string }).version
  const entries = ENTRIES.filter(({ entry }) => existsSync(join(ROOT, entry)))
  const hash = hashInputs(version)
  const stamp = join(ROOT, 'build/wasm/inputs.sha256')
  const outputs = entries.map(({ output }) => join(ROOT, output))
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash && outputs.every((file) => existsSync(file))) return
  mkdirSync(join(ROOT, 'build/wasm'), { recursive: true })
  mkdirSync(join(ROOT, 'kernels/generated'), { recursive: true })
  const asc = join(dirname(compiler), 'bin/asc.js')
  await Promise.all(
    entries.flatMap(({ entry, prefix, memoryBase }) =>
      BUILDS.map(async (build) => {
        const stem = `build/wasm/${prefix}${build}`
        const settings = ['--config', 'asconfig.json', '--target', build, '--memoryBase', String(memoryBase)]
        const files = ['-o', `${stem}.wasm`, '-t', `${stem}.wat`]
        try {
          await promisify(execFile)(process.execPath, [asc, entry, ...settings, ...files], { cwd: ROOT })
        } catch (cause) {
          const { stderr } = cause as { stderr: string }
          throw new Error(`build-wasm: ${entry} (${build}) does not compile:\n${stderr}`, { cause })
        }
      }),
    ),
  )
  for (const { prefix, output } of entries) writeFileSync(join(ROOT, output), embed(prefix))
  writeFileSync(stamp, hash)
}

function hashInputs(version: string): string {
  const hash = createHash('sha256').update(version)
  const sources = globSync('assembly/**/*.ts', { cwd: ROOT }).sort()
  for (const file of [
    ...sources,
    'asconfig.json',
    'scripts/build-wasm.ts',
    'scripts/strip-exports.ts',
    'kernels/wasm/abi.ts',
  ])
    hash.update(file).update(readFileSync(join(ROOT, file)))
  return hash.digest('hex')
}

/**
 * Where base64 text of a module differs when its imported memory is not shared, and what replaces it: the byte
 * of the import's limits is 1 (a maximum) in place of 3 (a maximum, shared). Atomics are valid on either memory.
 */
function unshared(bytes: Buffer): { at: number; group: string } {
  const name = Buffer.concat([Buffer.of(3), Buffer.from('env'), Buffer.of(6), Buffer.from('memory'), Buffer.of(2, 3)])
  const flag = bytes.indexOf(name) + name.length - 1
  if (flag < name.length - 1) throw new Error('build-wasm: the module imports no shared memory env.memory')
  const start = flag - (flag % 3)
  const group = Buffer.from(bytes.subarray(start, start + 3))
  group[flag - start] = 1
  return { at: (start / 3) * 4, group: group.toString('base64') }
}

function embed(prefix: string): string {
  const modules = BUILDS.map((build) => ({
    build,
    bytes: stripExports(readFileSync(join(ROOT, `build/wasm/${prefix}${build}.wasm`)), (name) => CALLED.includes(name)),
  }))
  const text = (build: string): string => `${build.toUpperCase()}_SHARED`
  return [
    '// Made by scripts/build-wasm.ts from assembly/; do not edit.',
    "import type { BuildName } from '../wasm/modules.ts'",
    '',
    ...modules.map(({ build, bytes }) => `const ${text(build)} = '${bytes.toString('base64')}'`),
    '',
    '/** The modules, base64. */',
    'export const WASM: Record<BuildName, string> = {',
    ...modules.flatMap(({ build, bytes }) => {
      const { at, group } = unshared(bytes)
      const patched = `${text(build)}.slice(0, ${at}) + '${group}' + ${text(build)}.slice(${at + 4})`
      return [`  ${build}: ${patched},`, `  '${build}-shared': ${text(build)},`]
    }),
    '}',
    '',
  ].join('\n')
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await buildWasm()
