// npm run wide:packed: what V8's revectorizer makes of each function of the wide module, from its own trace: kernels/wasm/packed.json,
// and from that the table of docs/wasm-wide.md. Needs a processor with AVX2. With --check it reads no trace and fails where the page
// is not what the numbers say.

import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { markdownTable } from 'markdown-table'
import { WIDE_FLAG } from '../kernels/wasm/wide-flag.ts'

const at = (file: string): string => fileURLToPath(new URL(`../${file}`, import.meta.url))
const MODULE = 'build/wasm/inference-wide'
export const PACKED = at('kernels/wasm/packed.json')
const PAGE = at('docs/wasm-wide.md')
const BEGIN = '<!-- packed -->\n'
const END = '<!-- /packed -->'

/** All functions at once, by the optimizing compiler, one after another: a trace in the order of the functions' compilation. */
const TRACE = [
  ...[WIDE_FLAG, '--trace-wasm-revectorize', '--no-liftoff', '--no-wasm-lazy-compilation'],
  '--wasm-num-compilation-tasks=0',
]

/** What the trace says of a function. */
export interface PackedFunction {
  /** file and function, as codegen.json has them */
  name: string
  /** whether it runs in 256 bits */
  joined: boolean
  /** operations less, and those that joining costs, by V8's own count */
  saved: number
  cost: number
  /** pairs of neighbouring stores, and of operands of one operation, from which it tried, and how many it refused */
  seeds: number
  refused: number
  /** why it refused them */
  reasons: string[]
}

export interface Packed {
  v8: string
  functions: PackedFunction[]
}

/** Names in the order of the functions of the module, which imports none. */
function functionNames(): string[] {
  const wat = readFileSync(at(`${MODULE}.wat`), 'utf8')
  if (/^ \(import .*\(func/m.test(wat)) throw new Error('wide-packed: the module imports a function, expected none')
  return [...wat.matchAll(/^ \(func \$([^ ]+)/gm)].map(([, name]) => name.replace('assembly/', ''))
}

/** Messages of V8 in our words; others stay as they are. */
const REASONS: [message: RegExp, words: string][] = [
  [/CanBePacked \d+: Can't pack operations of different basic block/, 'halves in two basic blocks'],
  [/CanBePacked \d+: Break side effect/, 'a load or store between that may trap or alias'],
  [/CanBePacked \d+: Different opcode|have different op\b/, 'halves of different operations'],
  [/Unsupported partial overlap/, 'half of another pair'],
  [/Unsupported Simd128Shuffle/, 'a shuffle of no known form'],
  [/Unsupported Simd128(\w+)/, 'an operation without a form of 256 bits'],
  [/Default branch/, 'an operation that is never joined'],
  [/Failed due to/, 'operands that differ'],
]

function parse(name: string, body: string): PackedFunction {
  const counted = /Save: (\d+), cost: (\d+)/.exec(body)
  const stores = body.match(/^\{$/gm)?.length ?? 0
  const operands = body.match(/^\{ #/gm)?.length ?? 0
  return {
    name,
    joined: body.includes('Decide to vectorize'),
    saved: Number(counted?.[1] ?? 0),
    cost: Number(counted?.[2] ?? 0),
    seeds: stores + operands,
    refused: body.match(/Build tree failed/g)?.length ?? 0,
    reasons: REASONS.filter(([message]) => message.test(body)).map(([, words]) => words),
  }
}

/**
 * Compiles the wide module under the flag and reads what V8 says of it.
 * @throws Error where V8 says nothing: no AVX2, or no such flag
 */
export async function tracePacked(): Promise<Packed> {
  const script = `new WebAssembly.Module(require('node:fs').readFileSync(${JSON.stringify(at(`${MODULE}.wasm`))}))`
  const { stdout } = await promisify(execFile)(process.execPath, [...TRACE, '-e', script], { maxBuffer: 1 << 28 })
  const names = functionNames()
  const functions = [
    ...stdout.matchAll(
      /Begin revec function wasm-function#(\d+)\n([\s\S]*?)(?=Finished revec function|Begin revec function)/g,
    ),
  ].map(([, index, body]) => parse(names[Number(index)], body))
  if (functions.length === 0)
    throw new Error('wide-packed: V8 traced nothing; this needs a processor with AVX2 and a Node that has the flag')
  return { v8: process.versions.v8, functions: functions.sort((a, b) => (a.name < b.name ? -1 : 1)) }
}

/** The table of the page. */
export function packedTable({ v8, functions }: Packed): string {
  const rows = functions.map(({ name, joined, saved, cost, seeds, refused, reasons }) => [
    `\`${name}\``,
    joined ? 'yes' : 'no',
    ...[saved, cost, seeds, refused].map(String),
    seeds === 0 ? 'nothing to begin at' : reasons.join('; '),
  ])
  const joined = functions.filter((row) => row.joined).length
  return `V8 ${v8}: ${joined} of ${functions.length} functions with vectors are joined.

${markdownTable([['function', 'joined', 'saved', 'cost', 'seeds', 'refused', 'why'], ...rows], { alignDelimiters: false })}
`
}

async function main(): Promise<void> {
  const isCheck = process.argv.includes('--check')
  if (!isCheck) writeFileSync(PACKED, `${JSON.stringify(await tracePacked(), null, 1)}\n`)
  const page = readFileSync(PAGE, 'utf8')
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (begin < 0 || end < begin) throw new Error(`${PAGE} has no ${BEGIN.trim()} … ${END}`)
  const table = packedTable(JSON.parse(readFileSync(PACKED, 'utf8')) as Packed)
  const wanted = `${page.slice(0, begin)}${BEGIN}\n${table}\n${page.slice(end)}`
  if (wanted === page) return
  if (isCheck) throw new Error(`${PAGE} is not what ${PACKED} says: run npm run wide:packed and commit both`)
  writeFileSync(PAGE, wanted)
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await main()
