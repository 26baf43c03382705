// The parsers on short listings in the forms that the drivers print, and the rows that the table has. Compiling takes
// root and the drivers: npm run isa.

import { describe, expect, it } from 'vitest'
import { ISA_COUNTS } from './counts.ts'
import { hotLoop, naturalLoops, span } from './loops.ts'
import { parsePrinted } from './parse.ts'
import { shaderCases } from './shaders.ts'
import type { Vendor } from './targets.ts'

const printed = (listing: string): string => `=====ADAPTER driver 1\n=====BEGIN one\n${listing}\n=====END\n`

const AMD = `
disasm:
BB0:
\ts_mov_b32 s0, 0                                              ; be800080
BB1:
\tbuffer_load_b128 v[0:3], v4, s[0:3], 0 offen                 ; e05c0000 80000004
\ts_waitcnt vmcnt(0)                                           ; bf8903f7
\tv_mul_f32_e32 v9, v0, v1                                     ; 10120300
\tv_fma_f32 v9, v0, v1, v9                                     ; d6130009 04260300
\tv_dual_fmac_f32 v1, v2, v3 :: v_dual_fmac_f32 v4, v5, v6     ; c8000702 01040d05
\tv_add_f32_e32 v8, v8, v9                                     ; 06101308
\tds_load_b128 v[0:3], v4                                      ; dbfc0000 00000004
\ts_cbranch_scc0 BB1                                           ; bfa1fff0
BB2:
\ts_endpgm                                                     ; bfb00000
*** SHADER STATS ***
VGPRs: 96
Subgroups per SIMD: 16
Spilled VGPRs: 1
Spilled SGPRs: 2
Inverse Throughput: 77
`

const INTEL = `SIMD16 shader: 9 instructions. 1 loops. 1027 cycles. 70:272 spills:fills, 3 sends, scheduled. GRF registers: 128. Non
LABEL3:
(+f0.0) break(16) JIP:  LABEL6        UIP:  LABEL6              { align1 1H };
send(16)        g107UD          g47UD           nullUD
                hdc0 MsgDesc: (bti 1, msg_ctrl 2, msg_type 1)  mlen 1 ex_mlen 0 rlen 1 { align1 1H @4 $3 };
mad(16)         g3<1>F          g4<8,8,1>F      g5<8,8,1>F      g6<1,1,1>F { align1 1H };
mul(16)         g3<1>D          g4<8,8,1>D      g5<8,8,1>D      { align1 1H };
add(16)         g3<1>D          g4<8,8,1>D      g5<8,8,1>D      { align1 1H };
dp4a(16)        g3<1>D          g4<8,8,1>D      g5<8,8,1>D      g6<1,1,1>D { align1 1H };
while(16)       JIP:  LABEL3                                    { align1 1H };
`

const NVIDIA = `NAK IR for shader:
block 0 [] -> {
    r0 = mov 0x0 // delay=4
} -> [1]
block 1 [0, 1] -> {
    r1..5 = ld.global.a64.b128 [r2..4] // delay=1
    r5 = ffma r1 r2 r5 // delay=4
    @!p0 r6 = idp4.i8.i8 r1 r2 r6
    bra L1 // delay=5
} -> [2, 1]
block 2 [1] -> {
    exit
} -> []

Stage: compute
Num GPRs: 64
Max warps/SM: 32
Spills to mem: 0
Spills to reg: 3
Static cycle count: 99
`

const APPLE = `
    0: 62010000   mov_imm r0, 0x0
    4: 3a09  imadd r2, r1, u0, r2
    8: 5a11  ffma r3, r1, r2, r3
    c: 5b11  ffma r4, r1, r2, r4
   10: 2000  jmp_exec_any -12
   14: 8800  stop
    0: 9999   ffma r3, r1, r2, r3
CS shader: 7 instrs, 33 alu, 2 fscib, 1 ic, 20 code size, 127 gprs, 4 uniforms, 0 scratch, 832 threads, 1 loops, 0:0 spills
`

describe('what a driver prints', () => {
  it.each([
    [
      'amd',
      AMD,
      { registers: 96, occupancy: 16, spills: 3, cycles: 77 },
      { instructions: 8, macs: 4, memory: 1, shared: 1 },
    ],
    ['intel', INTEL, { registers: 128, spills: 70, fills: 272, cycles: 1027 }, { instructions: 7, macs: 4, memory: 1 }],
    [
      'nvidia',
      NVIDIA,
      { registers: 64, occupancy: 32, spills: 3, cycles: 99 },
      { instructions: 4, macs: 4, memory: 1 },
    ],
    ['apple', APPLE, { registers: 127, occupancy: 832, spills: 0, cycles: 33 }, { instructions: 4, macs: 2 }],
  ] as [Vendor, string, object, object][])('%s', (vendor, listing, stats, loop) => {
    const { driver, sections } = parsePrinted(printed(listing), vendor)
    expect(driver).toBe('driver 1')
    const compiled = sections[0].compiled!
    expect(compiled).toMatchObject(stats)
    expect(hotLoop(compiled.code, compiled.loops)).toMatchObject(loop)
  })
  it('is refused where it holds no code, or no adapter started', () => {
    expect(() => parsePrinted(printed('nothing'), 'amd')).toThrow('one: expected machine code of driver 1, found none')
    expect(() => parsePrinted('segmentation fault', 'amd')).toThrow('no adapter started')
  })
  it('keeps why a shader was refused', () => {
    const { sections } = parsePrinted(printed('=====ERROR no such feature'), 'apple')
    expect(sections).toEqual([{ name: 'one', compiled: null, error: 'no such feature' }])
  })
})

describe('a loop that holds others', () => {
  const fma = { fma: 1 }
  // 0: before; 1 to 8: the outer loop, in it 2 to 4 (2 multiply-adds a turn) and 5 to 7 (1)
  const code = [{}, {}, fma, fma, {}, fma, {}, {}, {}]
  const bodies = [span(1, 8), span(2, 4), span(5, 7)]
  it('is counted with their turns', () =>
    expect(hotLoop(code, bodies, { macs: [8, 4], otherTurns: 1 })).toMatchObject({
      macs: 12,
      instructions: 2 + 4 * 3 + 4 * 3,
    }))
  it('is counted with those of the one that is left, where the compiler unrolled the other', () =>
    expect(hotLoop(code, [bodies[0], bodies[2]], { macs: [2, 4], otherTurns: 1 })).toMatchObject({
      macs: 6,
      instructions: 5 + 4 * 3,
    }))
  it('else gives the one with most multiply-adds', () =>
    expect(hotLoop(code, bodies)).toMatchObject({ macs: 2, instructions: 3 }))
})

it('a loop is what is reached through its head alone, in whatever order its blocks stand', () => {
  // 0 -> 1 -> 3 -> 1, 1 -> 2; 2 stands before 3 and jumps to 4, which stands first of all but 0
  const blocks = [0, 4, 1, 3, 2].map((id, place) => ({
    id,
    first: place * 2,
    length: 2,
    next: { 0: [1], 1: [3, 2], 2: [4], 3: [1], 4: [] }[id]!,
  }))
  expect(naturalLoops(blocks)).toEqual([[4, 5, 6, 7]])
})

it('the stored counts are of the shaders and constants that there are, those of AMD and Intel of all', () => {
  const names = shaderCases(/./).map(({ name }) => name)
  for (const [target, { shaders }] of Object.entries(ISA_COUNTS)) {
    expect(names, target).toEqual(expect.arrayContaining(Object.keys(shaders)))
    if (/^(amd|intel)/.test(target)) expect(Object.keys(shaders).sort(), target).toEqual(names.sort())
  }
})
