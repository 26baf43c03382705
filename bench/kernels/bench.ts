// `bench kernels`: every kernel through the real devices, verified first, timed interleaved, as a share of the
// machine's ceiling.

import type { Device, Session } from '../../kernels/runtime/device.ts'
import type { GpuSession } from '../../kernels/plan/webgpu.ts'
import { createDevice, version } from '../lib/devices.ts'
import { describeEngine, describeMachine } from '../lib/machine.ts'
import { burst, fastestCalibration, rotated, timing, warmCalibration, type Burst } from '../lib/measure.ts'
import { SCHEMA, formatTable, percent, short, type BenchResult, type ResultRow } from '../lib/results.ts'
import { readShapes } from '../lib/shapes.node.ts'
import type { LinearShape } from '../lib/shapes.ts'
import { probeCpu } from '../probe/cpu.ts'
import { probeAdapter } from '../probe/gpu.node.ts'
import { KERNEL_NAMES, linearCases, rowCases, type KernelCase } from './cases.ts'
import { expectedOf, verify, type Expected } from './verify.ts'

export interface KernelBenchOptions {
  /** names out of KERNEL_NAMES */
  ops: string[]
  /** names of bench/shapes files */
  shapes: string[]
  devices: ('cpu' | 'gpu')[]
  threads: number
  rounds: number
  /** least length of a burst */
  burstMs: number
  command: string
  log: (line: string) => void
}

interface Entry {
  kernel: KernelCase
  session: Session
  coldMs: number
  maxError: number
  bursts: Burst[]
  gpuMs: number[]
  row: Pick<ResultRow, 'model' | 'variant' | 'batch' | 'tokens'>
}

/** Runs the bench; throws where a kernel is off its float64 reference. */
export async function benchKernels(options: KernelBenchOptions): Promise<BenchResult> {
  const unknown = options.ops.filter((op) => !KERNEL_NAMES.includes(op))
  if (unknown.length > 0) throw new Error(`no kernel '${unknown.join(', ')}'; there are ${KERNEL_NAMES.join(', ')}`)
  const groups: { title: string; cases: () => Iterable<KernelCase> }[] = []
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
    schema: SCHEMA,
    bench: 'kernels',
    command: options.command,
    date: new Date().toISOString(),
    machine: describeMachine(),
    engine: describeEngine(),
    ceilings: {},
    rows: [],
    notes: [
      'one-op programs through Session.run: input rows are copied in, int8 kernels quantize them, the output is copied out',
    ],
  }
  const expected = new Map<string, Expected>()
  for (const kind of options.devices) {
    if (kind === 'cpu') result.ceilings.cpu = await probeCpu(options.threads)
    const device = await createDevice(kind, options.threads)
    try {
      const info = device.info()
      options.log(`${kind}: ${info.name}${info.software ? ' (software: emulated on the CPU, no GPU time)' : ''}`)
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

function linearGroup(shape: LinearShape, ops: string[]): { title: string; cases: () => Iterable<KernelCase> } {
  const { M, N, K, note } = shape
  return { title: `${M}x${N}x${K} (M N K; ${note})`, cases: () => linearCases(shape, ops) }
}

async function benchGroup(
  device: Device,
  group: { title: string; cases: () => Iterable<KernelCase> },
  options: KernelBenchOptions,
  expected: Map<string, Expected>,
  { ceilings }: BenchResult,
): Promise<ResultRow[]> {
  const info = device.info()
  const entries: Entry[] = []
  try {
    for (const kernel of group.cases()) {
      const label = `${info.name} ${kernel.op} ${kernel.variant} ${group.title}`
      const known = expected.get(group.title + kernel.op + kernel.variant) ?? expectedOf(kernel)
      expected.set(group.title + kernel.op + kernel.variant, known)
      const session = await device.load(kernel.program)
      const start = performance.now()
      await session.run(kernel.batch)
      const coldMs = performance.now() - start
      const maxError = await verify(session, kernel, known, label)
      entries.push({
        kernel,
        session,
        coldMs,
        maxError,
        bursts: [],
        gpuMs: [],
        row: {
          model: `${kernel.op} ${group.title.split(' (')[0]}`,
          variant: kernel.variant,
          batch: kernel.batch.offsets.length - 1,
          tokens: kernel.batch.offsets[kernel.batch.offsets.length - 1],
        },
      })
    }
    for (let round = 0; round < options.rounds; round++)
      for (const entry of rotated(entries, round)) {
        const { session, kernel } = entry
        entry.bursts.push(await burst(round, () => session.run(kernel.batch), { minMs: options.burstMs, minRuns: 3 }))
        if ('runTimed' in session) entry.gpuMs.push(await gpuTime(session as GpuSession, kernel))
      }
    const fastest = entries.length > 0 ? fastestCalibration(entries.map((entry) => entry.bursts)) : 0
    return entries.map(({ kernel, coldMs, maxError, bursts, gpuMs, row, session }): ResultRow => {
      const time = timing(bursts, fastest, info.kind === 'cpu' && info.threads === 1)
      const known = gpuMs.filter((ms) => ms > 0)
      const kernelMs = known.length > 0 ? Math.min(...known) : undefined
      const rate = (ops: number): number => ops / time.medianMs / 1e6
      const ceiling = ceilingOf(kernel, info.kind, ceilings)
      return {
        engine: 'compact-kernels',
        engineVersion: version(),
        ...row,
        device: info.kind,
        ...(info.kind === 'gpu' ? { adapter: info.name, software: info.software } : {}),
        threads: info.threads,
        ...time,
        coldMs,
        ...(kernel.ops > 0 ? { gops: rate(kernel.ops) } : {}),
        ...(kernel.denseOps > kernel.ops && kernel.ops > 0 ? { effectiveGops: rate(kernel.denseOps) } : {}),
        ...(ceiling > 0 && kernel.ops > 0 ? { ceilingShare: rate(kernel.ops) / ceiling } : {}),
        maxError,
        ...(kernelMs === undefined ? {} : { gpuMs: kernelMs }),
        calls: session.stats().calls,
      }
    })
  } finally {
    for (const { session } of entries) session.dispose()
  }
}

async function gpuTime(session: GpuSession, kernel: KernelCase): Promise<number> {
  return (await session.runTimed(kernel.batch)).gpuMs ?? 0
}

/** The best that instructions of the kernel's type reach, whichever of them the kernel uses. */
function ceilingOf(kernel: KernelCase, device: 'cpu' | 'gpu', { cpu, gpu }: BenchResult['ceilings']): number {
  if (kernel.ceiling === 'none') return 0
  if (device === 'gpu') return (kernel.ceiling === 'int8' ? gpu?.int8Dot4 : gpu?.f32Fma) ?? 0
  if (!cpu) return 0
  return kernel.ceiling === 'int8'
    ? Math.max(cpu.int8DotI16, cpu.int8RelaxedDot)
    : Math.max(cpu.f32MulAdd, cpu.f32RelaxedMadd)
}

export function kernelTable(rows: ResultRow[]): string {
  const header = [
    'kernel',
    'variant',
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
    'n',
    'disturbed',
  ]
  return formatTable(
    header,
    rows.map((row) => [
      row.model,
      row.variant,
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
      String(row.n),
      `${row.disturbedBursts}/${row.bursts}${row.noisy ? ' noisy' : ''}`,
    ]),
    2,
  )
}
