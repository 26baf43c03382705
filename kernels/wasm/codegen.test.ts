// What the compiler made of assembly/, as numbers: a change of code shows in the diff of codegen.json, deterministically,
// where a change of time does not. To accept a change: UPDATE_CODEGEN=1 vitest run kernels/wasm/codegen.test.ts

import { readFileSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import type { WasmVariant } from './variant.ts'
import { WASM_ROWS } from './variants.ts'
import { WIDE } from './wide.ts'
import { WIDE_LOOPS } from './wide-loops.ts'

const WIDE_ROWS: readonly WasmVariant[] = [...WIDE.dense, ...WIDE.int8]

/** Files of build/wasm. */
const BUILDS = ['baseline', 'relaxed', 'inference-wide'] as const
const FILE = new URL('codegen.json', import.meta.url)
const COUNTED = ['dot', 'madd', 'mul', 'add', 'load', 'store', 'call'] as const

type Counts = Record<(typeof COUNTED)[number], number>

interface Codegen {
  bytes: number
  kernels: Record<string, Counts>
}

const PATTERNS: Record<keyof Counts, RegExp> = {
  dot: /^ +i32x4\.(?:relaxed_)?dot_i/gm,
  madd: /^ +f32x4\.relaxed_madd/gm,
  mul: /^ +f32x4\.mul/gm,
  add: /^ +(?:f32x4|i32x4)\.add/gm,
  load: /^ +v128\.load/gm,
  store: /^ +v128\.store/gm,
  call: /^ +call /gm,
}

/** Counts of each exported function and of each function that walks a record. */
function countKernels(wat: string): Record<string, Counts> {
  const kernels: Record<string, Counts> = {}
  for (const body of wat.split(/^ \(func \$/m).slice(1)) {
    const path = /^[^ ]+/.exec(body)![0]
    const counts = {} as Counts
    for (const what of COUNTED) counts[what] = body.match(PATTERNS[what])?.length ?? 0
    kernels[path.replace('assembly/', '')] = counts
  }
  return Object.fromEntries(Object.entries(kernels).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function codegenOf(build: string): Codegen {
  const at = (suffix: string): URL => new URL(`../../build/wasm/${build}.${suffix}`, import.meta.url)
  return { bytes: readFileSync(at('wasm')).length, kernels: countKernels(readFileSync(at('wat'), 'utf8')) }
}

it('is what codegen.json says', () => {
  const found = Object.fromEntries(BUILDS.map((build) => [build, codegenOf(build)]))
  if (process.env.UPDATE_CODEGEN) {
    const text = JSON.stringify(found, null, 1).replace(/\{\s+("dot"[^}]*?)\s+\}/g, (_, body: string) => {
      return `{ ${body.replace(/\s+/g, ' ')} }`
    })
    writeFileSync(FILE, `${text}\n`)
  }
  expect(found).toEqual(JSON.parse(readFileSync(FILE, 'utf8')))
})

const withSource = [...WASM_ROWS, ...WIDE_ROWS].flatMap((row) => {
  return row.source ? [{ ...row, source: row.source, file: row.isWide ? 'inference-wide' : 'relaxed' }] : []
})

it.each(withSource)('$op $id has a separate function for every export, without calls', ({ source, exports, file }) => {
  const { kernels } = codegenOf(file)
  for (const name of exports) expect(kernels[`lib/${source}/${name}`], name).toMatchObject({ call: 0 })
})

it.each(WIDE_LOOPS)('$source has a separate function for every export, without calls', ({ source, exports }) => {
  const { kernels } = codegenOf('inference-wide')
  for (const name of exports) expect(kernels[`lib/${source}/${name}`], name).toMatchObject({ call: 0 })
})

const withTiles = withSource.flatMap((row) => (row.tile ? [{ ...row, tile: row.tile }] : []))

// a vector is four columns
it.each(withTiles)('$op $id multiplies as often as its tile says', ({ source, exports, tile, file, ...row }) => {
  const products = (tile.rows * tile.columns * tile.unrolled) / 4
  const isInteger = row.dotStrategy !== undefined || row.proof === 'attention i16'
  const { kernels } = codegenOf(file)
  expect(kernels[`lib/${source}/${exports.at(-1)}`]).toMatchObject(isInteger ? { dot: products } : { madd: products })
})

it('takes several K at a time where there are few rows', () => {
  const { kernels } = codegenOf('relaxed')
  // per K two multiply-adds per row; the small tiles take four and two K in sums of their own, and the rest of K singly
  expect(kernels['lib/tile-f32/tile_f32_1x8']).toMatchObject({ madd: 8 + 2 })
  expect(kernels['lib/tile-f32/tile_f32_2x8']).toMatchObject({ madd: 8 + 4 })
  expect(kernels['lib/tile-f32/tile_f32_3x8']).toMatchObject({ madd: 12 + 6 })
  expect(codegenOf('baseline').kernels['lib/tile-f32/tile_f32_6x8']).toMatchObject({ madd: 0, mul: 12, call: 0 })
})

it.each([
  ['wasm', 35_000],
  ['wasm-wide', 25_000],
])('keeps generated/%s.ts within its budget of %i bytes gzipped', (name, most) => {
  const modules = readFileSync(new URL(`../generated/${name}.ts`, import.meta.url))
  expect(gzipSync(modules).length).toBeLessThan(most)
})
