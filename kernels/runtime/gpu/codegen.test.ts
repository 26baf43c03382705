// What Dawn makes of the shaders, as numbers: Tint adds a 64-bit counter to each loop it cannot prove finite, and clamps
// each index it cannot prove inside. No loop may have the first; the second is counted per innermost loop, so that a
// change shows in the diff of codegen.json. Counted on SwiftShader, whose driver leaves all clamping to Tint: a driver
// with robustBufferAccess2 needs none for storage buffers.
// To accept a change: UPDATE_CODEGEN=1 vitest run kernels/runtime/gpu/codegen.test.ts

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { SHADERS } from '../../generated/shaders.ts'

const FILE = new URL('codegen.json', import.meta.url)
const ROOT = join(import.meta.dirname, '../../..')

interface Codegen {
  loops: number
  /** loops with Tint's counter */
  guards: number
  /** clamps in each innermost loop, in the order of the code */
  clamps: number[]
}

function dump(...names: string[]): Record<string, Codegen> {
  const text = execFileSync(process.execPath, [join(ROOT, 'scripts/dump-shaders.ts'), ...names], {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return countAll(text)
}

function countAll(text: string): Record<string, Codegen> {
  const sections = text.split(/^=== /m).slice(1)
  return Object.fromEntries(
    sections.map((section) => [
      section.slice(0, section.indexOf('\n')),
      count(section.slice(section.indexOf('; SPIR-V'))),
    ]),
  )
}

/** The counter of a guarded loop starts as two words of ones. */
const COUNTER = /(%\w+) = OpConstantComposite %v2uint %uint_4294967295 %uint_4294967295/

function count(spirv: string): Codegen {
  const lines = spirv.split('\n')
  const counter = COUNTER.exec(spirv)?.[1]
  const guards = counter ? lines.filter((line) => line.includes('OpStore') && line.includes(` ${counter}`)).length : 0
  const clamps: number[] = []
  let loops = 0
  lines.forEach((line, i) => {
    const merge = /OpLoopMerge (%\w+)/.exec(line)?.[1]
    if (!merge) return
    loops++
    const end = lines.findIndex((other, j) => j > i && other.trim() === `${merge} = OpLabel`)
    const body = lines.slice(i + 1, end)
    if (!body.some((inner) => inner.includes('OpLoopMerge')))
      clamps.push(body.filter((inner) => inner.includes('UMin')).length)
  })
  return { loops, guards, clamps }
}

describe('compiled shaders', () => {
  const found = dump()
  it('are all there, with the loops of their sources', () => {
    expect(Object.keys(found).sort()).toEqual(Object.keys(SHADERS).sort())
    for (const [name, source] of Object.entries(SHADERS))
      // workgroup memory above a thread's share is zeroed by a loop of Tint's own
      expect(found[name].loops - (source.match(/\bfor ?\(/g)?.length ?? 0), name).toBeOneOf([0, 1])
  })
  it.each(Object.keys(SHADERS))('%s has no guarded loop', (name) => expect(found[name].guards).toBe(0))
  it('multiply out of workgroup memory without a clamp', () => {
    for (const name of ['dense-matmul.tiled', 'int8-matmul.tiled', 'sparse-matmul.nm-tiled', 'attention.tiled'])
      expect(Math.min(...found[name].clamps), name).toBe(0)
  })
  it('are what codegen.json says', () => {
    if (process.env.UPDATE_CODEGEN)
      writeFileSync(
        FILE,
        `{\n${Object.entries(found)
          .map(([name, counts]) => ` "${name}": ${JSON.stringify(counts)}`)
          .join(',\n')}\n}\n`,
      )
    expect(found).toEqual(JSON.parse(readFileSync(FILE, 'utf8')))
  })
})

it('a loop that Tint cannot prove finite is counted as guarded', () => {
  const guarded = `=== mutant
; SPIR-V
%9 = OpConstantComposite %v2uint %uint_4294967295 %uint_4294967295
OpStore %33 %9
OpLoopMerge %23 %21 None
%28 = OpExtInst %uint %29 UMin %uint_0 %27
%23 = OpLabel
`
  expect(countAll(guarded)).toEqual({ mutant: { loops: 1, guards: 1, clamps: [1] } })
})
