// Which shaders are compiled, with which constants: each row of variants.ts once for each set that the product uses.

import { ATTENTION_WEBGPU, type AttentionSize } from '../../kernels/attention/variants.ts'
import { SHADERS, type ShaderName } from '../../kernels/generated/shaders.ts'
import type { WebgpuVariant } from '../../kernels/program/variants.ts'
import { WEBGPU_VARIANTS } from '../../kernels/variants.ts'
import { withHalfWeights } from '../../kernels/webgpu/half.ts'
import type { Nest } from './loops.ts'

export interface ShaderCase {
  /** shader and constants; `f16 weights` where f32 weights are stored as halves */
  name: string
  code: string
  constants: Record<string, number>
  /** where the loop to look at holds others */
  nest?: Nest
}

const HEADS: AttentionSize[] = [64, 32, 128].map((headSize) => ({ headSize, positions: 0 }))

const name = (shader: string, constants: Record<string, number>, suffix = ''): string =>
  [shader, ...Object.entries(constants).map((pair) => pair.join('=')), ...(suffix === '' ? [] : [suffix])].join(' ')

/** All that `match` the expression. */
export function shaderCases(match: RegExp): ShaderCase[] {
  const cases = new Map<string, ShaderCase>()
  const add = (one: ShaderCase): void => void (match.test(one.name) && cases.set(one.name, one))
  for (const row of ATTENTION_WEBGPU)
    for (const size of HEADS.filter((head) => row.fits(head))) add(attentionCase(row, size))
  for (const [op, rows] of Object.entries(WEBGPU_VARIANTS))
    if (op !== 'attention') rows.forEach((row) => add(plainCase(row)))
  for (const row of Object.values(WEBGPU_VARIANTS).flat())
    if (row.mayHalveWeights) {
      const { shader, code, constants } = { ...plainCase(row), shader: row.shader }
      add({ name: name(shader, constants, 'f16 weights'), code: withHalfWeights(code), constants })
    }
  return [...cases.values()].sort((a, b) => a.name.localeCompare(b.name))
}

/** int8 layers that quantize 256 inputs at a time before they multiply them. */
const QUANTIZING: readonly string[] = ['int8-matmul.fused', 'int8-matmul.norm-fused']

function plainCase({ shader, tile }: WebgpuVariant): ShaderCase {
  const constants = tile as Record<string, number>
  const one = { name: name(shader, constants), code: SHADERS[shader], constants }
  const macs = 16 * (constants.COLUMNS ?? 32)
  return QUANTIZING.includes(shader) ? { ...one, nest: { macs: [macs], otherTurns: 4 } } : one
}

function attentionCase(
  row: {
    shader: ShaderName
    tile: Record<string, number | ((size: AttentionSize) => number)>
    covers: { queries: number }
  },
  size: AttentionSize,
): ShaderCase {
  const constants = Object.fromEntries(
    Object.entries(row.tile).map(([key, value]) => [key, typeof value === 'function' ? value(size) : value]),
  )
  const one = { name: name(row.shader, constants), code: SHADERS[row.shader], constants }
  if (row.shader !== 'attention.tiled') return one
  // scores and values of one block of keys, among 128 threads
  const half = (row.covers.queries * constants.KEYS * size.headSize) / 128
  return { ...one, nest: { macs: [half, half], otherTurns: 4 } }
}
