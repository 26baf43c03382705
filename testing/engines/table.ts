// README's table of engines, from the raw results in bench/results/engines.

import { markdownTable } from 'markdown-table'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Machine } from '../../bench/lib/machine.ts'
import type { DeviceAnswer, EngineAnswer } from './checks.ts'

export const RESULTS = join(import.meta.dirname, '../../bench/results/engines')

export interface EngineResult {
  schema: 'compact-kernels/engines/1'
  /** as `npm run engines -- NAME` takes it */
  name: string
  command: string
  date: string
  machine: Machine
  answer: EngineAnswer
}

/** Characters of why an engine has no WebGPU. */
const MOST_WORDS = 70

/** The last result of each engine, in the order of `names`. */
export function readResults(names: readonly string[]): EngineResult[] {
  const results = readdirSync(RESULTS)
    .filter((file) => file.endsWith('.json'))
    .map((file) => JSON.parse(readFileSync(join(RESULTS, file), 'utf8')) as EngineResult)
  const strange = results.find(({ name }) => !names.includes(name))
  if (strange) throw new Error(`${RESULTS} has a result of '${strange.name}', which is no engine of testing/engines`)
  return results.sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name))
}

/** Everything that an engine got wrong, in words. */
export const faultsOf = ({ wasm, webgpu, sweep }: EngineAnswer): string[] => [
  ...(typeof wasm === 'string' ? [`WebAssembly: ${wasm}`] : wasm.faults),
  ...(typeof webgpu === 'string' ? [] : webgpu.faults),
  ...sweep.flatMap(({ failures }) => failures),
  ...(sweep.some(({ tests }) => tests > 0) ? [] : ['no kernel test ran']),
]

const count = (value: number): string => value.toLocaleString('en')

/** What the checks and the kernel tests found on one kind of device. */
function state(device: DeviceAnswer, { sweep }: EngineAnswer, kind: 'wasm' | 'webgpu'): string {
  const swept = sweep.filter(({ name }) => name.startsWith(`${kind} `))
  const there = swept.filter(({ absent }) => absent === undefined)
  const failed = there.reduce((sum, { failures }) => sum + failures.length, 0)
  const tests = there.reduce((sum, device) => sum + device.tests, 0)
  const wrong = device.faults.length + failed
  return [
    wrong > 0 ? `WRONG: ${wrong} faults` : `${count(device.integers)} integers, ${device.models} models`,
    ...(there.length > 0
      ? [`${count(tests - failed)} of ${count(tests)} tests on ${there.length} device${there.length > 1 ? 's' : ''}`]
      : []),
  ].join('; ')
}

export function rowOf({ name, date, answer }: EngineResult): string[] {
  const { engine, wasm, webgpu } = answer
  const version = /(?:Firefox|Chrome|Version)\/([\d.]+)/.exec(engine)?.[1] ?? /[\d.]+/.exec(engine)?.[0] ?? ''
  const first = /^Node \d+/.test(name) ? name.replace(/^Node \d+/, `Node ${version}`) : `${name} ${version}`
  const gpu =
    typeof webgpu === 'string'
      ? `none: ${webgpu.slice(0, MOST_WORDS)}`
      : `${state(webgpu, answer, 'webgpu')}; ${webgpu.info.name}${webgpu.info.software ? ' (software)' : ''}`
  const day = date.slice(0, 10)
  if (typeof wasm === 'string') return [first, day, `FAILED: ${wasm}`, '', '', gpu]
  const { name: build, threads, variants } = wasm.info
  return [
    first,
    day,
    `${state(wasm, answer, 'wasm')}; ${build.replace(/^wasm |, .*/g, '')}`,
    String(threads),
    variants['int8-matmul'] ?? '',
    gpu,
  ]
}

export const tableOf = (results: readonly EngineResult[]): string =>
  markdownTable([['engine', 'on', 'WebAssembly', 'threads', 'int8 dot product', 'WebGPU'], ...results.map(rowOf)], {
    alignDelimiters: false,
  })
