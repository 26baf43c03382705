import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { PACKED, packedTable, tracePacked, type Packed } from './wide-packed.ts'

const recorded = JSON.parse(readFileSync(PACKED, 'utf8')) as Packed
const traced = await tracePacked().catch((error: Error) => error)

// by V8's version: another one may join more or less, and the kernels prove themselves at start in any
if (traced instanceof Error || traced.v8 !== recorded.v8)
  console.warn(
    `what V8 joins is NOT CHECKED here: ${traced instanceof Error ? traced.message : `this is V8 ${traced.v8}, kernels/wasm/packed.json is of ${recorded.v8}`}`,
  )
else
  it('joins the functions of the wide module that packed.json names, as often', () => {
    expect(traced).toEqual(recorded)
  })

describe('the record', () => {
  it('has every tile and inner loop of the wide kernels joined', () => {
    const wide = recorded.functions.filter(({ name }) => /_\dx16$|_wide_|\/finish_/.test(name))
    expect(wide.length).toBeGreaterThan(25)
    expect(wide.filter(({ joined }) => !joined)).toEqual([])
  })

  it('is the table of docs/wasm-wide.md', () => {
    expect(readFileSync(new URL('../docs/wasm-wide.md', import.meta.url), 'utf8')).toContain(packedTable(recorded))
  })
})
