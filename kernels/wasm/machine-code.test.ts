// The sums of a tile stay in registers. What the compiler of assembly/ writes decides it as well as V8: it joins two steps of
// one sum into one expression, whose operands are then all live at once (codegen.test.ts counts them, and cannot see this).

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { machineLoops, type Loop } from '../testing/machine-code.ts'
import { WASM_ROWS } from './variants.ts'
import { WIDE } from './wide.ts'
import { WIDE_FLAG } from './wide-flag.ts'

/** Sums of products: what tells the loop of a tile from those that begin and end it. */
const PRODUCT = /^v(?:pdpbusd|pmaddwd|fn?madd\d+ps|mulps) /

const at = (build: string, suffix: string): string =>
  fileURLToPath(new URL(`../../build/wasm/${build}.${suffix}`, import.meta.url))

/** Of each function the loop with most products. */
async function tilesOf(build: string, flags: readonly string[]): Promise<(name: string) => Loop | undefined> {
  const wat = readFileSync(at(build, 'wat'), 'utf8')
  const names = [...wat.matchAll(/^ \(func \$([^ ]+)/gm)].map(([, name]) => name)
  const loops = await machineLoops(at(build, 'wasm'), flags)
  const products = ({ instructions }: Loop): number => instructions.filter((text) => PRODUCT.test(text)).length
  return (name) =>
    loops
      .get(names.indexOf(name))
      ?.filter((loop) => products(loop) > 0)
      .sort((a, b) => products(b) - products(a))
      .at(0)
}

const BUILDS = [
  { build: 'relaxed', flags: [], rows: WASM_ROWS.filter((row) => !('isWide' in row)) },
  { build: 'inference-wide', flags: [WIDE_FLAG], rows: [...WIDE.dense, ...WIDE.int8] },
]

for (const { build, flags, rows } of BUILDS) {
  const tiles = await tilesOf(build, flags).catch((error: Error) => error)
  if (tiles instanceof Error) {
    console.warn(`the registers of ${build} are NOT CHECKED here: ${tiles.message}`)
    continue
  }
  it.each(rows.filter(({ source }) => source))('$op $id keeps its sums in registers', ({ id, source, exports }) => {
    for (const name of exports) {
      const tile = tiles(`assembly/lib/${source}/${name}`)
      const isRelaxedDot = source!.includes('relaxed')
      // without an instruction for it, V8 writes a relaxed dot as several with operands in between, and no device takes the tile
      if (isRelaxedDot && !tile?.instructions.some((text) => text.startsWith('vpdpbusd'))) {
        console.warn(`the registers of ${id} are NOT CHECKED here: this processor has no dot of bytes`)
        return
      }
      expect(tile, name).toBeDefined()
      expect(tile, name).toMatchObject({ spills: 0 })
    }
  })
}
