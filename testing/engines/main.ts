// npm run engines -- [NAME ...] [--write]: the checks on every engine that can be had here. --write puts the table into README.md.

import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { BROWSERS } from './browsers.ts'
import type { DeviceAnswer, EngineAnswer } from './checks.ts'
import { RUNTIMES, runRuntime } from './runtimes.ts'

const README = new URL('../../README.md', import.meta.url)
/** Characters of why an engine has no WebGPU. */
const MOST_WORDS = 70
const TABLE = /(<!-- engines -->\n)[^]*?(<!-- \/engines -->)/

const engines = [...RUNTIMES.map((runtime) => ({ name: runtime.name, run: () => runRuntime(runtime) })), ...BROWSERS]
const { values, positionals } = parseArgs({ allowPositionals: true, options: { write: { type: 'boolean' } } })
const unknown = positionals.filter((name) => !engines.some((engine) => engine.name === name))
if (unknown.length > 0) {
  process.stderr.write(
    `engines: '${unknown[0]}' is not known; there are ${engines.map(({ name }) => name).join(', ')}\n`,
  )
  process.exit(2)
}

const rows: string[][] = []
let isWrong = false
for (const { name, run } of engines) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  process.stderr.write(`${name} ...\n`)
  const answer = await run().catch((error: unknown) => (error as Error).message.split('\n')[0])
  if (typeof answer === 'string') {
    process.stdout.write(`NOT RUN: ${name}: ${answer}\n`)
    rows.push([name, `not run: ${answer}`, '', '', ''])
    continue
  }
  process.stdout.write(`${name}: ${JSON.stringify(answer)}\n`)
  isWrong ||= [answer.wasm, answer.webgpu].some((device) => typeof device !== 'string' && device.faults.length > 0)
  isWrong ||= typeof answer.wasm === 'string'
  rows.push(rowOf(name, answer))
}
const date = new Date().toISOString().slice(0, 10)
const table = [
  `What \`npm run engines -- --write\` found on ${date}, Linux x64: every kernel's integers against the reference, and the logits of a model in each of eight storage formats.`,
  '',
  '| engine | WebAssembly | threads | int8 dot product | WebGPU |',
  '|---|---|---|---|---|',
  ...rows.map((row) => `| ${row.join(' | ')} |`),
].join('\n')
process.stdout.write(`${table}\n`)
if (values.write) {
  const page = await readFile(README, 'utf8')
  if (!TABLE.test(page)) throw new Error('README.md has no lines <!-- engines --> and <!-- /engines -->')
  await writeFile(
    README,
    page.replace(TABLE, (_, begin: string, end: string) => `${begin}\n${table}\n\n${end}`),
  )
}
process.exitCode = isWrong ? 1 : 0

function rowOf(name: string, { engine, wasm, webgpu }: EngineAnswer): string[] {
  const version = /(?:Firefox|Chrome|Version)\/([\d.]+)/.exec(engine)?.[1] ?? /[\d.]+/.exec(engine)?.[0] ?? ''
  const state = (device: DeviceAnswer): string =>
    device.faults.length > 0 ? `WRONG: ${device.faults[0]}` : `${device.integers} integers equal`
  const first = /^Node \d+/.test(name) ? name.replace(/^Node \d+/, `Node ${version}`) : `${name} ${version}`
  const gpu =
    typeof webgpu === 'string'
      ? `none: ${webgpu.slice(0, MOST_WORDS)}`
      : `${state(webgpu)}, ${webgpu.info.name}${webgpu.info.software ? ' (software)' : ''}`
  if (typeof wasm === 'string') return [first, `FAILED: ${wasm}`, '', '', gpu]
  const { name: build, threads, variants } = wasm.info
  return [first, `${state(wasm)}, ${build.replace(/, .*/, '')}`, String(threads), variants['int8-matmul'] ?? '', gpu]
}
