// A paper model of one forward of BERT-base on GPUs that were not there: for each dispatch the gap before it and the
// longest of issue (instructions counted in the machine code), memory and the chain of dependent loads. It orders causes;
// its milliseconds may be off by 2 times either way, and no clock was read.

import { narrowRows } from '../../kernels/webgpu/rows.ts'
import { ISA_COUNTS, type ShaderCounts } from './counts.ts'
import { shaderCases } from './shaders.ts'
import type { TargetName } from './targets.ts'

interface Device {
  name: string
  /** whose instruction counts stand for it */
  counts: TargetName
  cores: number
  /** Hz; each core issues 128 lanes a clock */
  clock: number
  /** bytes per second from memory, and from the cache that all cores share */
  memory: number
  cache: number
  /** seconds of a load from memory, and from that cache */
  load: number
  cached: number
  /** seconds between two dependent dispatches */
  gap: number
  /** dots of bytes a clock, for one multiply-add of f32 */
  dots: number
}

const DEVICES: Device[] = [
  {
    name: 'H200',
    counts: 'nvidia-ga102',
    cores: 132,
    clock: 1.75e9,
    memory: 4.8e12,
    cache: 5.5e12,
    load: 0.6e-6,
    cached: 0.17e-6,
    gap: 2e-6,
    dots: 0.5,
  },
  {
    name: 'RTX 4070',
    counts: 'nvidia-ga102',
    cores: 46,
    clock: 2.4e9,
    memory: 504e9,
    cache: 2e12,
    load: 0.4e-6,
    cached: 0.14e-6,
    gap: 2e-6,
    dots: 0.5,
  },
  {
    name: 'RX 7900 XTX',
    counts: 'amd-navi31',
    cores: 48,
    clock: 2.3e9,
    memory: 960e9,
    cache: 3e12,
    load: 0.5e-6,
    cached: 0.2e-6,
    gap: 3e-6,
    dots: 1,
  },
  {
    name: 'M2, 10 cores',
    counts: 'apple-m1',
    cores: 10,
    clock: 1.4e9,
    memory: 100e9,
    cache: 0.4e12,
    load: 0.4e-6,
    cached: 0.2e-6,
    gap: 3e-6,
    dots: 1,
  },
  {
    name: 'Iris Xe, 96 EU',
    counts: 'intel-tgl',
    cores: 6,
    clock: 1.3e9,
    memory: 60e9,
    cache: 0.25e12,
    load: 0.4e-6,
    cached: 0.2e-6,
    gap: 5e-6,
    dots: 1,
  },
]

const [C, F, HEADS, LAYERS] = [768, 3072, 12, 12]

interface Dispatch {
  name: string
  issue: number
  memory: number
  chain: number
}

/** Instructions of one multiply-add in the hot loop, with what slower dots cost beside. */
function instructionsPerMac({ counts, dots }: Device, match: RegExp): number {
  const { name, code } = shaderCases(match)[0]
  const shader: ShaderCounts | undefined = ISA_COUNTS[counts]?.shaders[name]
  if (!shader || 'error' in shader || !shader.hot)
    throw new Error(`no counts of ${name} for ${counts}: npm run isa -- counts FOLDER`)
  const each = shader.hot.instructions / shader.hot.macs
  return code.includes('dot4I8Packed') ? each + (1 / dots - 1) / 4 : each
}

const KINDS = ['f32', 'q8', 'nm2:4'] as const
type Kind = (typeof KINDS)[number]

/** Bytes of a weight, and the share of its products that are made. */
const BYTES: Record<Kind, number> = { f32: 4, q8: 1, 'nm2:4': 2 }
const KEPT: Record<Kind, number> = { f32: 1, q8: 1, 'nm2:4': 0.5 }

function forward(device: Device, kind: Kind, B: number, T: number): Dispatch[] {
  const M = B * T
  const vendor = device.counts.split('-')[0]
  const dispatches: Dispatch[] = []
  const add = (
    name: string,
    work: { macs: number; each: number; bytes: number; cached: number; groups: number; chain: number },
  ): void => {
    const active = Math.min(device.cores, work.groups)
    const rounds = Math.ceil(work.groups / (device.cores * 3))
    dispatches.push({
      name,
      issue: (work.macs * work.each) / (active * 128 * device.clock),
      memory: Math.max(work.bytes / device.memory, work.cached / device.cache),
      chain: work.chain * rounds * (M <= 32 ? device.load : device.cached),
    })
  }
  const linear = (name: string, N: number, K: number): void => {
    const [weights, rows] = [N * K * BYTES[kind], M * (K + N) * 4]
    const of = (match: RegExp, height: number, width: number, chain: number): void =>
      add(name, {
        macs: M * N * K * KEPT[kind],
        each: instructionsPerMac(device, match),
        bytes: weights + rows,
        cached: Math.ceil(M / height) * weights + Math.ceil(N / width) * M * K * 4,
        groups: Math.ceil(N / width) * Math.ceil(M / height),
        chain,
      })
    // dots are slow on Apple's: bytes are multiplied as f32 from 33 rows
    const isFew = M <= (vendor === 'apple' && kind === 'q8' ? 32 : 128)
    // an index and then the inputs that it names, each step
    if (kind === 'nm2:4' && isFew) of(/nm-tiled ROWS=16/, 16, 32, (K / 2 / 64) * 2)
    else if (kind === 'nm2:4') of(/nm-tiled ROWS=64/, 64, 32, (K / 2 / 16) * 2)
    else if (kind === 'f32' && isFew) {
      const turns = vendor === 'intel' ? 1 : 2
      const width = vendor !== 'intel' && M <= narrowRows(N) ? 16 : 32
      const match =
        turns === 1
          ? /^dense-matmul.slice TURNS=1$/
          : width === 16
            ? /^dense-matmul.slice COLUMNS=16$/
            : /^dense-matmul.slice$/
      of(match, 16, width, K / 4 / (256 / width) / turns)
    } else if (kind === 'f32')
      of(vendor === 'intel' ? /^dense-matmul.tiled ROWS=64 EACH=4$/ : /^dense-matmul.tiled ROWS=64$/, 64, 64, K / 16)
    else if (isFew) of(name === 'qkv' || name === 'ffn in' ? /norm-fused/ : /int8-matmul.fused$/, 16, 32, (K / 256) * 2)
    else if (vendor === 'apple') of(/unpacked/, 64, 64, K / 32)
    else if (name === 'qkv' || name === 'ffn in')
      of(vendor === 'intel' ? /int8-matmul.tiled EACH=4/ : /int8-matmul.tiled$/, 64, 64, K / 64)
    else of(/whole-row SPLIT=1/, 16, N, (K / 16) * 3)
  }
  const row = (name: string): void => add(name, { macs: 0, each: 0, bytes: 0, cached: M * C * 8, groups: M, chain: 6 })
  for (let layer = 0; layer < LAYERS; layer++) {
    linear('qkv', 3 * C, C)
    const tiles = B * Math.ceil(T / 16)
    add('attention', {
      macs: B * T * T * C * 2,
      each: instructionsPerMac(device, /attention.tiled D=64/),
      bytes: 0,
      cached: M * C * 16 + tiles * T * C * 8,
      groups: tiles * HEADS,
      chain: Math.ceil(T / 32) * 2,
    })
    linear('out', C, C)
    if (kind !== 'q8') row('norm')
    linear('ffn in', F, C)
    linear('ffn out', C, F)
    if (kind !== 'q8') row('norm')
  }
  return dispatches
}

/** Lines of a table: milliseconds, those of peak arithmetic or of the weights' bytes alone, and what takes most. */
export function rooflineLines(): string[] {
  const lines = ['| device | shape | variant | ms | limit | gaps | what takes most |', '|---|---|---|---|---|---|---|']
  for (const device of DEVICES)
    for (const [B, T] of [
      [1, 16],
      [1, 128],
      [32, 128],
    ] as const)
      for (const kind of KINDS) {
        const dispatches = forward(device, kind, B, T)
        const time = ({ issue, memory, chain }: Dispatch): number => device.gap + Math.max(issue, memory, chain)
        const total = dispatches.reduce((sum, one) => sum + time(one), 0)
        const weights = LAYERS * (4 * C * C + 2 * C * F)
        const macs = weights * KEPT[kind] * B * T + LAYERS * 2 * B * T * T * C
        const bytes = weights * BYTES[kind]
        const rate =
          device.cores * 128 * device.clock * (kind === 'q8' && device.counts !== 'apple-m1' ? 4 * device.dots : 1)
        const limit = Math.max(macs / rate, bytes / device.memory)
        const names = [...new Set(dispatches.map(({ name }) => name))]
        const most = names
          .map((name) => {
            const all = dispatches.filter((one) => one.name === name)
            const share = all.reduce((sum, one) => sum + time(one), 0) / total
            return { share, text: `${name} (${causeOf(all[0])})` }
          })
          .sort((a, b) => b.share - a.share)
          .slice(0, 3)
          .map(({ share, text }) => `${text} ${(100 * share).toFixed(0)} %`)
        const ms = (seconds: number): string => (seconds * 1e3).toPrecision(3)
        const gaps = (100 * dispatches.length * device.gap) / total
        lines.push(
          `| ${device.name} | (${B}, ${T}) | ${kind} | ${ms(total)} | ${ms(limit)} | ${gaps.toFixed(0)} % | ${most.join(', ')} |`,
        )
      }
  return lines
}

function causeOf({ issue, memory, chain }: Dispatch): string {
  if (issue >= memory && issue >= chain) return 'issue'
  return memory >= chain ? 'memory' : 'latency'
}
