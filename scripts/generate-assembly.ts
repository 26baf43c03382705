// Writes the AssemblyScript files that are made from TypeScript: assembly/abi.ts from kernels/wasm/abi.ts; assembly/tiles.ts,
// assembly/exports.ts and assembly/exports-wide.ts from the variants' rows. Git keeps them, so that assembly/ can be read and edited as it is;
// `generate.ts --check` fails where one is not current.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { DENSE_WASM } from '../kernels/dense-matmul/variants.ts'
import { DENSE_WIDE } from '../kernels/dense-matmul/variants-wide.ts'
import { INT8_WASM } from '../kernels/int8-matmul/variants.ts'
import { INT8_WIDE } from '../kernels/int8-matmul/variants-wide.ts'
import * as abi from '../kernels/wasm/abi.ts'
import {
  tileNumber,
  tileSources,
  type Int8Variant,
  type TileVariant,
  type WasmVariant,
} from '../kernels/wasm/variant.ts'
import { WASM_ROWS } from '../kernels/wasm/variants.ts'
import { WIDE_LOOPS } from '../kernels/wasm/wide-loops.ts'

type RecordLayout = abi.RecordLayout
type Exported = number | RecordLayout | Record<string, number>

const isRecord = (value: Exported): value is RecordLayout => typeof value === 'object' && 'opcode' in value

/** LAYERNORM_BLOCKED -> LayernormBlocked */
const classOf = (name: string): string =>
  name.toLowerCase().replace(/(?:^|_)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

/** geluBackward -> GELU_BACKWARD */
const constantOf = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()

function constant(name: string, value: number): string {
  if (name.endsWith('_WORD')) return `export const ${name.replace(/_WORD$/, '_ADDRESS')}: usize = ${4 * value}`
  return `export const ${name}: ${/_(BYTES|ADDRESS)$/.test(name) ? 'usize' : 'i32'} = ${value}`
}

function recordClass(name: string, { opcode, integers, addresses, reals = [] }: RecordLayout): string {
  const fields = [
    ...integers.map((field) => `${field}: i32`),
    ...addresses.map((field) => `${field}: usize`),
    ...reals.map((field) => `${field}: f32`),
  ]
  return [
    `export const ${name}: i32 = ${opcode}`,
    '// @ts-ignore: decorator',
    '@unmanaged',
    `export class ${classOf(name)}Record {`,
    '  head: u32',
    '  length: u32',
    ...fields.map((field) => `  ${field}`),
    '}',
  ].join('\n')
}

/** The text of assembly/abi.ts. */
export function abiSource(): string {
  const constants: string[] = []
  const records: string[] = []
  for (const [name, value] of Object.entries<Exported>(abi as unknown as Record<string, Exported>)) {
    if (typeof value === 'number') constants.push(constant(name, value))
    else if (isRecord(value)) records.push(recordClass(name, value))
    else for (const [key, code] of Object.entries(value)) constants.push(constant(`${name}_${constantOf(key)}`, code))
  }
  return `// Made by scripts/generate-assembly.ts from kernels/wasm/abi.ts, which says what each number means; do not edit.

${constants.join('\n')}

// The records: each opcode, and the record's words as a class. changetype<DenseMatmulRecord>(address).K reads one.

${records.join('\n\n')}
`
}

/** `number` of each tile, as a function of the tile's number: a constant where all agree. */
function tileFunction(name: string, words: string, rows: readonly TileVariant[], number: (row: TileVariant) => number) {
  const tiles = firstRows(rows)
  const isOne = new Set(tiles.map(number)).size === 1
  const body = isOne ? [`return ${number(tiles[0])}`] : chain(tiles, (row) => `return ${number(row)}`)
  return `/** ${words} */
// @ts-ignore: decorator
@inline
export function ${name}(tile: i32): i32 {
${body.map((line) => `  ${line}`).join('\n')}
}`
}

/** A row for each tile, those of the wide module first, then in the order of their numbers. */
function firstRows<R extends TileVariant>(rows: readonly R[]): R[] {
  return [rows.filter(({ isWide }) => isWide), rows.filter(({ isWide }) => !isWide)].flatMap((some) =>
    tileSources(some).map((source) => some.find((row) => row.source === source)!),
  )
}

/** One statement per tile, that of the last one unconditional; builds without relaxed SIMD or not wide drop what needs it. */
function chain(tiles: readonly TileVariant[], statement: (row: TileVariant) => string): string[] {
  const narrow = tiles.filter(({ isWide }) => !isWide)
  return tiles.map((row, index) => {
    if (index === tiles.length - 1) return statement(row)
    const needs = row.isWide ? 'WIDE && ' : row.needsRelaxedSimd ? 'RELAXED && ' : ''
    return `if (${needs}tile == ${tileNumber(row, narrow)}) ${statement(row)}`
  })
}

function tileCall(name: string, words: string, parameters: string, rows: readonly TileVariant[]): string {
  const names = parameters.split(', ').map((parameter) => parameter.split(':')[0])
  const body = chain(firstRows(rows), ({ run }) => `return ${run}(${names.join(', ')})`)
  return `/** ${words} */
// @ts-ignore: decorator
@inline
export function ${name}(tile: i32, ${parameters}): void {
${body.map((line) => `  ${line}`).join('\n')}
}`
}

/** The text of assembly/tiles.ts: which function and which sizes belong to a tile's number. */
export function tilesSource(dense: readonly TileVariant[], int8: readonly Int8Variant[]): string {
  const imports = [...firstRows(dense), ...firstRows(int8)]
    .map(({ run, source }) => `import { ${run} } from './lib/${source}'`)
    .sort()
  const shiftOf = (row: TileVariant): number => (row.dotStrategy === 'i16x8' ? 1 : 0)
  return `// Made by scripts/generate-assembly.ts from the rows of kernels/{dense-matmul,int8-matmul}/variants*.ts; do not edit.

import { RELAXED, WIDE } from './lib/simd'
${imports.join('\n')}

${tileFunction('denseTileRows', 'Rows of a dense tile.', dense, ({ tile }) => tile.rows)}

${tileFunction('denseTileColumns', 'Columns of a dense tile.', dense, ({ tile }) => tile.columns)}

${tileCall('runDenseTile', 'sums f32 [rows][columns] (+)= A[rows,K] f32 . B[K,columns] f32', 'rows: i32, a: usize, aStride: usize, b: usize, K: i32, sums: usize, continues: bool', dense)}

${tileFunction('int8TileRows', 'Rows of an int8 tile.', int8, ({ tile }) => tile.rows)}

${tileFunction('int8TileColumns', 'Columns of an int8 tile.', int8, ({ tile }) => tile.columns)}

${tileFunction('int8TileShift', 'log2 of the bytes of an element of A.', int8, shiftOf)}

${tileCall('runInt8Tile', 'sums i32 [rows][columns] = start[columns] + A[rows,K] . B[K,columns] s8; `out` a Finish for tiles of one panel, else [rows][columns]', 'rows: i32, a: usize, aStride: usize, b: usize, bEnd: usize, start: usize, out: usize', int8)}
`
}

/** The text of assembly/exports.ts, or of assembly/exports-wide.ts. */
export function exportsSource(rows: readonly Pick<WasmVariant, 'source' | 'exports'>[]): string {
  const bySource = new Map<string, Set<string>>()
  for (const { source, exports } of rows)
    if (source) bySource.set(source, new Set([...(bySource.get(source) ?? []), ...exports]))
  const lines = [...bySource].map(
    ([source, names]) => `export {\n  ${[...names].join(',\n  ')},\n} from './lib/${source}'`,
  )
  return `// Made by scripts/generate-assembly.ts from the rows of kernels/*/variants*.ts; do not edit.
//
// The inner loops are exported so that the compiler keeps each a separate function, with its own registers, and
// kernels/wasm/codegen.test.ts can count their instructions. What a page loads does not have these exports (scripts/strip-exports.ts).

${lines.join('\n')}
`
}

/**
 * Writes the files that are out of date.
 *
 * @throws Error where `isCheck` and one is out of date
 */
export function generateAssembly(isCheck: boolean): void {
  const files = {
    'assembly/abi.ts': abiSource(),
    'assembly/tiles.ts': tilesSource([...DENSE_WIDE, ...DENSE_WASM], [...INT8_WIDE, ...INT8_WASM]),
    'assembly/exports.ts': exportsSource(WASM_ROWS),
    'assembly/exports-wide.ts': exportsSource([...DENSE_WIDE, ...INT8_WIDE, ...WIDE_LOOPS]),
  }
  for (const [file, text] of Object.entries(files)) {
    const path = fileURLToPath(new URL(`../${file}`, import.meta.url))
    if (existsSync(path) && readFileSync(path, 'utf8') === text) continue
    if (isCheck)
      throw new Error(`${file} is not what scripts/generate-assembly.ts makes: run npm run generate and commit it`)
    writeFileSync(path, text)
  }
}
