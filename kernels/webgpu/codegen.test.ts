// What Dawn makes of the shaders, as numbers: Tint adds a 64-bit counter to each loop it cannot prove finite, and clamps
// each index it cannot prove inside. No loop may have the first, no loop that multiplies the second for an array of
// fixed size (workgroup or private memory), which every driver would get. Clamps by the length of a storage buffer are
// SwiftShader's, whose driver leaves them to Tint: a driver with robustBufferAccess2 needs none. All are counted per
// innermost loop, so that a change shows in the diff of codegen.json.
// To accept a change: UPDATE_CODEGEN=1 vitest run kernels/webgpu/codegen.test.ts

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { SHADERS, type ShaderName } from '../generated/shaders.ts'
import { WEBGPU_VARIANTS } from '../variants.ts'

const FILE = new URL('codegen.json', import.meta.url)
const ROOT = join(import.meta.dirname, '../..')

interface Codegen {
  loops: number
  /** loops with Tint's counter */
  guards: number
  /** clamps in each innermost loop, in the order of the code */
  clamps: number[]
}

function dump(): Record<string, string> {
  const text = execFileSync(process.execPath, [join(ROOT, 'scripts/dump-shaders.ts')], {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const sections = text.split(/^=== /m).slice(1)
  return Object.fromEntries(
    sections.map((section) => [section.slice(0, section.indexOf('\n')), section.slice(section.indexOf('; SPIR-V'))]),
  )
}

/** The lines of each innermost loop, in the order of the code. */
function innermostLoops(spirv: string): string[][] {
  const lines = spirv.split('\n')
  return lines.flatMap((line, i) => {
    const merge = /OpLoopMerge (%\w+)/.exec(line)?.[1]
    if (!merge) return []
    const body = lines.slice(
      i + 1,
      lines.findIndex((other, j) => j > i && other.trim() === `${merge} = OpLabel`),
    )
    return body.some((inner) => inner.includes('OpLoopMerge')) ? [] : [body]
  })
}

/** The counter of a guarded loop starts as two words of ones. */
const COUNTER = /(%\w+) = OpConstantComposite %v2uint %uint_4294967295 %uint_4294967295/

function count(spirv: string): Codegen {
  const lines = spirv.split('\n')
  const counter = COUNTER.exec(spirv)?.[1]
  const guards = counter ? lines.filter((line) => line.includes('OpStore') && line.includes(` ${counter}`)).length : 0
  const loops = lines.filter((line) => line.includes('OpLoopMerge')).length
  const clamps = innermostLoops(spirv).map((body) => body.filter((line) => line.includes('UMin')).length)
  return { loops, guards, clamps }
}

const MULTIPLIES = /Op(FMul|VectorTimesScalar|Dot|SDot\w*)\b|\bFma\b/

/** Functions that multiply in their own text: a loop that calls one multiplies too. */
function multipliers(spirv: string): Set<string> {
  const bodies = spirv.matchAll(/(%\w+) = OpFunction [^]*?OpFunctionEnd/g)
  return new Set(Array.from(bodies, ([body, name]) => (MULTIPLIES.test(body) ? name : '')))
}

/** Clamps by a constant whose result is an index, in innermost loops that multiply. */
function clampsOfHotLoops(spirv: string): string[] {
  const callees = multipliers(spirv)
  const multiplies = (line: string): boolean =>
    MULTIPLIES.test(line) || callees.has(/OpFunctionCall %\w+ (%\w+)/.exec(line)?.[1] ?? 'none')
  return innermostLoops(spirv)
    .filter((body) => body.some(multiplies))
    .flatMap((body) =>
      body.filter((line) => {
        const clamp = /(%\w+) = OpExtInst .* UMin %\w+ %uint_\d+$/.exec(line.trim())?.[1]
        return clamp && body.some((use) => use.includes('OpAccessChain') && use.trim().split(' ').includes(clamp, 3))
      }),
    )
}

/** What the source cannot prove: sparse kernels gather at an index from memory. */
const ALLOWED: Partial<Record<string, number>> = {}

/** All that SwiftShader compiles, which has none of the features that some variants need, such as matrices or f16. */
const NEEDY = new Set<string>(
  Object.values(WEBGPU_VARIANTS).flatMap((rows) =>
    rows.filter(({ features }) => features.length > 0).map(({ shader }) => shader),
  ),
)
const NAMES = Object.keys(SHADERS).filter((name) => !NEEDY.has(name))

describe('compiled shaders', () => {
  const compiled = dump()
  const found = Object.fromEntries(Object.entries(compiled).map(([name, spirv]) => [name, count(spirv)]))
  it('are all there, with the loops of their sources', () => {
    expect(Object.keys(found).sort()).toEqual(NAMES.sort())
    for (const name of NAMES)
      // arrays of workgroup memory above a thread's share are zeroed by loops of Tint's own, attention's three
      expect(found[name].loops - (SHADERS[name as ShaderName].match(/\bfor ?\(/g)?.length ?? 0), name).toBeOneOf([
        0, 1, 2, 3,
      ])
  })
  it.each(NAMES)('%s has no guarded loop', (name) => expect(found[name].guards).toBe(0))
  it.each(NAMES)('%s multiplies without a clamp on arrays of fixed size', (name) =>
    expect(clampsOfHotLoops(compiled[name]).length).toBeLessThanOrEqual(ALLOWED[name] ?? 0),
  )
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

/** A loop as Dawn 0.6.2 writes one. */
const MUTANT = `; SPIR-V
%9 = OpConstantComposite %v2uint %uint_4294967295 %uint_4294967295
OpStore %33 %9
OpLoopMerge %23 %21 None
%28 = OpExtInst %uint %29 UMin %11 %uint_63
%30 = OpAccessChain %_ptr_Workgroup_float %8 %28
%32 = OpFMul %float %31 %31
%23 = OpLabel
`

it('a loop that Tint cannot prove finite is counted as guarded', () =>
  expect(count(MUTANT)).toEqual({ loops: 1, guards: 1, clamps: [1] }))

it('a clamp on an array of fixed size is found where the loop multiplies, and nowhere else', () => {
  expect(clampsOfHotLoops(MUTANT)).toHaveLength(1)
  expect(clampsOfHotLoops(MUTANT.replace('OpFMul', 'OpFAdd'))).toEqual([])
  const calling = MUTANT.replace('OpFMul %float', 'OpFunctionCall %float %40')
  const called = (op: string): string => `%40 = OpFunction %float None %41\n%42 = ${op} %float %43 %43\nOpFunctionEnd\n`
  expect(clampsOfHotLoops(calling + called('OpFMul'))).toHaveLength(1)
  expect(clampsOfHotLoops(calling + called('OpFAdd'))).toEqual([])
  // by the length of a buffer, or no index
  expect(clampsOfHotLoops(MUTANT.replace('%11 %uint_63', '%11 %12'))).toEqual([])
  expect(clampsOfHotLoops(MUTANT.replace('%8 %28', '%8 %27'))).toEqual([])
})
