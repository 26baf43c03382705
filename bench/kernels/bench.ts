// `bench kernels`: every kernel through the real devices, verified first, timed interleaved, as a share of the
// machine's ceiling.

import type { Device } from '../../kernels/program/device.ts'
import type { GpuSession, Precision } from '../../kernels/webgpu/device.ts'
import { createDevice } from '../lib/devices.ts'
import { version } from '../lib/version.ts'
import { burst, fastestCalibration, rotated, timing, warmCalibration, type Burst } from '../lib/measure.ts'
import {
  resultHead,
  engineName,
  formatTable,
  percent,
  short,
  type BenchResult,
  type ResultRow,
} from '../lib/results.ts'
import { readShapes } from '../lib/shapes.node.ts'
import type { LinearShape } from '../lib/shapes.ts'
import { installPeers } from '../peers/install.ts'
import { probeCpu } from '../probe/cpu.ts'
import { probeAdapter } from '../probe/gpu.node.ts'
import { KERNEL_NAMES, linearCases, rowCases, withCopies, type KernelCase } from './cases.ts'
import { KERNEL_PEERS, openPeers } from './peers.ts'
import { allowedAt, expectedOf, verify, type Expected } from './verify.ts'

export interface KernelBenchOptions {
  /** names out of KERNEL_NAMES */
  ops: string[]
  /** names of bench/shapes files */
  shapes: string[]
  devices: ('cpu' | 'gpu')[]
  threads: number
  /** names out of KERNEL_PEERS */
  peers: string[]
  /** of dense f32 layers on the GPU; 'f32' if not given */
  precision?: Precision
  /**
   * how many copies of a linear layer's weights a run takes in turn, as a model has them: beyond the caches where one copy
   * is in them. Times are of all of them; 1 if not given
   */
  copies?: number
  /** our wide kernels, in a process with V8's flag */
  wide?: boolean
  rounds: number
  /** least length of a burst */
  burstMs: number
  command: string
  log: (line: string) => void
}

interface Group {
  title: string
  cases: () => Iterable<KernelCase>
  /** where the cases are of linear layers */
  shape?: LinearShape
}

interface Entry {
  kernel: KernelCase
  coldMs: number
  maxError: number
  bursts: Burst[]
  gpuMs: number[]
  burst(round: number): Promise<Burst>
  /** GPU time of one more run, ms, where there are timestamps */
  timed?(): Promise<number>
  dispose(): void | Promise<void>
  row: Pick<
    ResultRow,
    | 'engine'
    | 'engineVersion'
    | 'host'
    | 'adapter'
    | 'software'
    | 'precision'
    | 'model'
    | 'variant'
    | 'batch'
    | 'tokens'
    | 'threads'
  >
  calls?: number
}

/** Runs the bench; throws where a kernel is off its float64 reference. */
export async function benchKernels(options: KernelBenchOptions): Promise<BenchResult> {
  const unknown = options.ops.filter((op) => !KERNEL_NAMES.includes(op))
  if (unknown.length > 0) throw new Error(`no kernel '${unknown.join(', ')}'; there are ${KERNEL_NAMES.join(', ')}`)
  const unknownPeers = options.peers.filter((peer) => !KERNEL_PEERS.includes(peer))
  if (unknownPeers.length > 0)
    throw new Error(`no peer '${unknownPeers.join(', ')}'; there are ${KERNEL_PEERS.join(', ')}`)
  if ((options.copies ?? 1) > 1 && options.peers.length > 0)
    throw new Error('--copies is of ours alone; leave --peers out')
  // jax-js is there already: the tests have it
  if (options.peers.some((peer) => peer !== 'jax-js')) installPeers(options.log)
  const groups: Group[] = []
  for (const name of options.shapes) {
    const shapes = await readShapes(name)
    for (const shape of shapes) groups.push(linearGroup(shape, options.ops))
    const { M } = shapes[0]
    const C = Math.min(...shapes.map((shape) => shape.K))
    const headSize = C % 64 === 0 ? 64 : 32
    groups.push({ title: `${M} x ${C}`, cases: () => rowCases({ M, C, headSize }, options.ops) })
  }
  warmCalibration()
  const result: BenchResult = {
    ...resultHead('kernels', options.command),
    ceilings: {},
    rows: [],
    notes: [
      'one-op programs through Session.run: input rows are copied in, int8 kernels quantize them, the output is copied out',
    ],
  }
  const expected = new Map<string, Expected>()
  for (const kind of options.devices) {
    const { precision, wide } = options
    if (kind === 'cpu') result.ceilings.cpu = await probeCpu(options.threads, wide)
    const device = await createDevice(kind, options.threads, { precision, wide, keepsSparse: true })
    try {
      const info = device.info()
      options.log(
        `${kind}: ${info.name}${info.software ? ' (software: emulated on the CPU, no GPU time)' : ''}${kind === 'gpu' ? `, dense f32 layers in ${options.precision ?? 'f32'}` : ''}`,
      )
      for (const note of info.notes) options.log(`  ${note}`)
      result.notes.push(
        `${kind}: ${info.name}; ${Object.entries(info.variants)
          .map((v) => v.join(' '))
          .join(', ')}`,
        ...info.notes,
      )
      if (kind === 'gpu') result.ceilings.gpu = (await probeAdapter()).ceilings
      for (const group of groups) {
        const rows = await benchGroup(device, group, options, expected, result)
        result.rows.push(...rows)
        if (rows.length > 0) options.log(`\n${kind} ${group.title}\n${kernelTable(rows)}`)
      }
    } finally {
      await device.dispose()
    }
  }
  return result
}

function linearGroup(shape: LinearShape, ops: string[]): Group {
  const { M, N, K, note } = shape
  return { shape, title: `${M}x${N}x${K} (M N K; ${note})`, cases: () => linearCases(shape, ops) }
}

async function benchGroup(
  device: Device,
  group: Group,
  options: KernelBenchOptions,
  expected: Map<string, Expected>,
  { ceilings, notes }: BenchResult,
): Promise<ResultRow[]> {
  const info = device.info()
  const note = (text: string): void => {
    if (notes.includes(text)) return
    notes.push(text)
    if (text.includes(' did not run ')) options.log(text)
  }
  const entries: Entry[] = []
  try {
    for (const one of group.cases()) {
      const copies = one.program.ops.length === 1 && one.program.ops[0].kind === 'linear' ? (options.copies ?? 1) : 1
      // verified against the reference of one: the last copy's rows are what comes out, and all have the same weights
      const kernel = { ...one, ops: one.ops * copies, denseOps: one.denseOps * copies }
      const label = `${info.name} ${kernel.op} ${kernel.variant} ${group.title}`
      const exact = expected.get(group.title + kernel.op + kernel.variant) ?? expectedOf(kernel)
      expected.set(group.title + kernel.op + kernel.variant, exact)
      const precision = info.kind === 'gpu' ? (options.precision ?? 'f32') : 'f32'
      const known = allowedAt(precision, kernel, exact)
      const session = await device.load(copies > 1 ? withCopies(kernel.program, copies) : kernel.program)
      const start = performance.now()
      await session.run(kernel.batch)
      const coldMs = performance.now() - start
      const maxError = await verify(session, kernel, known, label)
      const what = {
        model: `${kernel.op} ${group.title.split(' (')[0]}`,
        variant: copies > 1 ? `${kernel.variant}, ${copies} copies in turn` : kernel.variant,
        batch: kernel.batch.offsets.length - 1,
        tokens: kernel.batch.offsets[kernel.batch.offsets.length - 1],
      }
      const adapter = info.kind === 'gpu' ? { adapter: info.name, software: info.software, precision } : {}
      const run = (): Promise<unknown> => session.run(kernel.batch)
      entries.push({
        kernel,
        coldMs,
        maxError,
        bursts: [],
        gpuMs: [],
        burst: (round) => burst(round, run, { minMs: options.burstMs, minRuns: 3 }),
        ...('runTimed' in session ? { timed: () => gpuTime(session as GpuSession, kernel) } : {}),
        dispose: () => session.dispose(),
        row: { ...what, engine: 'compact-kernels', engineVersion: version(), ...adapter, threads: info.threads },
        calls: session.stats().calls,
      })
      if (info.kind === 'gpu' || !group.shape) continue
      const task = { shape: group.shape, ops: options.ops, threads: options.threads }
      for (const { remote, description, ...rest } of await openPeers(options.peers, kernel, known, task, note)) {
        const { engine, engineVersion, threads } = description
        entries.push({
          kernel,
          ...rest,
          bursts: [],
          gpuMs: [],
          burst: async (round) => (await remote.burst(round, options.burstMs, 3)).burst,
          dispose: () => remote.dispose(),
          row: { ...what, engine, engineVersion, host: 'chromium', threads },
        })
      }
    }
    for (let round = 0; round < options.rounds; round++)
      for (const entry of rotated(entries, round)) {
        entry.bursts.push(await entry.burst(round))
        if (entry.timed) entry.gpuMs.push(await entry.timed())
      }
    const fastest = entries.length > 0 ? fastestCalibration(entries.map((entry) => entry.bursts)) : 0
    const rows = entries.map(({ kernel, coldMs, maxError, bursts, gpuMs, row, calls }): ResultRow => {
      const time = timing(bursts, fastest, info.kind === 'cpu' && row.threads === 1)
      const known = gpuMs.filter((ms) => ms > 0)
      const kernelMs = known.length > 0 ? Math.min(...known) : undefined
      const rate = (ops: number): number => ops / time.medianMs / 1e6
      const ceiling = ceilingOf(kernel, info.kind, ceilings)
      return {
        ...row,
        device: info.kind,
        ...time,
        coldMs,
        ...(kernel.ops > 0 ? { gops: rate(kernel.ops) } : {}),
        ...(kernel.denseOps > kernel.ops && kernel.ops > 0 ? { effectiveGops: rate(kernel.denseOps) } : {}),
        ...(ceiling > 0 && kernel.ops > 0 ? { ceilingShare: rate(kernel.ops) / ceiling } : {}),
        maxError,
        ...(kernelMs === undefined ? {} : { gpuMs: kernelMs }),
        ...(calls === undefined ? {} : { calls }),
      }
    })
    for (const row of rows) if (row.engine === 'compact-kernels' && row.host) row.ratios = ratiosOf(row, rows)
    return rows
  } finally {
    for (const entry of entries) await entry.dispose()
  }
}

/** Times as fast as each peer at the same layer, in the same engine. */
function ratiosOf(row: ResultRow, rows: ResultRow[]): ResultRow['ratios'] {
  const same = rows.filter(
    (other) => other.model === row.model && other.engine !== row.engine && other.host === row.host,
  )
  return Object.fromEntries(same.map((peer) => [peer.engine, { sameWeights: peer.medianMs / row.medianMs }]))
}

async function gpuTime(session: GpuSession, kernel: KernelCase): Promise<number> {
  return (await session.runTimed(kernel.batch)).gpuMs ?? 0
}

/** The best that instructions of the kernel's type reach, whichever of them the kernel uses. */
function ceilingOf(kernel: KernelCase, device: 'cpu' | 'gpu', { cpu, gpu }: BenchResult['ceilings']): number {
  if (kernel.ceiling === 'none') return 0
  if (device === 'gpu') {
    if (!gpu) return 0
    if (kernel.ceiling === 'f32') return gpu.f32Fma
    // the dense kernel alone is made of matrices
    return kernel.op === 'int8' ? Math.max(gpu.int8Dot4, gpu.int8Matrix ?? 0) : gpu.int8Dot4
  }
  if (!cpu) return 0
  return kernel.ceiling === 'int8'
    ? Math.max(cpu.int8DotI16, cpu.int8RelaxedDot)
    : Math.max(cpu.f32MulAdd, cpu.f32RelaxedMadd)
}

export function kernelTable(rows: ResultRow[]): string {
  const peers = [...new Set(rows.flatMap((row) => Object.keys(row.ratios ?? {})))]
  const header = [
    'kernel',
    'variant',
    ...(peers.length > 0 ? ['engine', 'thr'] : []),
    'median ms',
    'MAD',
    'p95',
    'min',
    'GPU ms',
    'Gop/s',
    'at min',
    'effective',
    'of ceiling',
    'max error',
    ...peers.map((peer) => `x ${peer}`),
    'n',
    'disturbed',
  ]
  return formatTable(
    header,
    rows.map((row) => [
      row.model,
      row.variant,
      ...(peers.length > 0 ? [engineName(row), String(row.threads)] : []),
      short(row.medianMs),
      short(row.madMs),
      short(row.p95Ms),
      short(row.minMs),
      short(row.gpuMs),
      short(row.gops),
      short(row.gops && (row.gops * row.medianMs) / row.minMs),
      short(row.effectiveGops),
      percent(row.ceilingShare),
      short(row.maxError),
      ...peers.map((peer) => row.ratios?.[peer]?.sameWeights?.toFixed(2) ?? ''),
      String(row.n),
      `${row.disturbedBursts}/${row.bursts}${row.noisy ? ' noisy' : ''}`,
    ]),
    peers.length > 0 ? 3 : 2,
  )
}
