// `bench gpu`: what the adapter here is and can do, every kernel at BERT's shapes, whole models at three sizes.

import type { Precision } from '../kernels/webgpu/device.ts'
import { HALF_FEATURE } from '../kernels/webgpu/half.ts'
import { resultHead, engineName, gpuCeilingsText, short, type BenchResult } from './lib/results.ts'
import { probeAdapter, type AdapterReport } from './probe/gpu.node.ts'
import { benchKernels } from './kernels/bench.ts'
import { KERNEL_NAMES } from './kernels/cases.ts'
import { PEERS, type Host } from './lib/contender.ts'
import { benchModels, modelTable } from './models.ts'

export interface GpuBenchOptions {
  model: string
  variants: string[]
  /** peers on the GPU, by default all on a real one and none on an emulation; what does not run here is named in the notes */
  peers?: string[]
  hosts: Host[]
  /** 'batch x tokens'; by default three for a GPU, the smallest for an emulation */
  sizes?: Size[]
  /** files of bench/shapes for the kernels; by default bert-base's, of 16 rows alone on an emulation */
  shapes?: string[]
  /** of our dense f32 layers; 'f32' if not given */
  precision?: Precision
  rounds: number
  command: string
  log: (line: string) => void
}

export interface Size {
  batch: number
  tokens: number
}

const SIZES: Size[] = [
  { batch: 1, tokens: 16 },
  { batch: 1, tokens: 128 },
  { batch: 32, tokens: 128 },
]

/** What an emulated adapter can be asked for: BERT-base at 128 tokens takes it ten seconds and more a run. */
const SOFTWARE_SIZES: Size[] = [{ batch: 1, tokens: 16 }]
const SOFTWARE_SHAPES = ['bert-base-t16']
const SHAPES = ['bert-base-t16', 'bert-base']

/** Runs everything; a software adapter is limited to small sizes, and the log says which were left out. */
export async function benchGpu(options: GpuBenchOptions): Promise<BenchResult> {
  const { model, variants, command, log, precision = 'f32' } = options
  const onGpu = Object.keys(PEERS).filter((peer) => PEERS[peer] === 'gpu')
  const wrong = options.peers?.find((peer) => !onGpu.includes(peer))
  if (wrong !== undefined) throw new Error(`no peer '${wrong}' on the GPU; there are ${onGpu.join(', ')}`)
  const adapter = await inspectAdapter(log)
  const inPrecision = `our dense f32 layers: precision ${precision}`
  log(inPrecision)
  if (precision === 'f16' && !adapter.features.includes(HALF_FEATURE))
    throw new Error(
      `--precision f16: the adapter ${adapter.name} lacks ${HALF_FEATURE}, nothing was measured; ` +
        "'f16-weights' stores halves and multiplies in f32 on every adapter",
    )
  const notes = [`adapter: ${adapter.name}`, `features: ${adapter.features.join(', ')}`, inPrecision]
  const sizes = options.sizes ?? (adapter.software ? SOFTWARE_SIZES : SIZES)
  const peers = options.peers ?? (adapter.software ? [] : onGpu)
  const rounds = adapter.software ? Math.min(options.rounds, 3) : options.rounds
  if (adapter.software) {
    const left = SIZES.filter((size) => !sizes.some((s) => s.batch === size.batch && s.tokens === size.tokens))
    const out = [
      ...left.map((s) => `(${s.batch}, ${s.tokens})`),
      ...(options.shapes ? [] : ['kernels at 128 rows']),
    ].join(', ')
    const words = `a software adapter runs on the CPU, its times are no GPU's${out && `; left out are ${out}`}`
    notes.push(words)
    log(words)
  }
  const shared = { precision, devices: ['gpu' as const], threads: 1, rounds, burstMs: 200, command, log }
  const kernels = await benchKernels({
    ...shared,
    ops: KERNEL_NAMES,
    peers: [],
    shapes: options.shapes ?? (adapter.software ? SOFTWARE_SHAPES : SHAPES),
  })
  const result: BenchResult = {
    ...resultHead('gpu', command),
    ceilings: kernels.ceilings,
    rows: kernels.rows,
    notes: [...notes, ...kernels.notes],
  }
  for (const size of sizes) {
    const { rows, notes: said } = await benchModels({
      ...shared,
      ...size,
      model,
      variants,
      peers,
      hosts: options.hosts,
      browserAdapter: adapter.software ? 'software' : 'real',
      seed: 1,
    })
    log(`\n${modelTable(rows)}`)
    for (const row of rows.filter(({ calls }) => calls !== undefined))
      log(
        `${row.variant}, ${engineName(row)} (${size.batch}, ${size.tokens}): ${row.calls} dispatches, GPU ${row.gpuMs === undefined ? 'time not known (no timestamps)' : `${short(row.gpuMs)} ms by timestamps`}, wall ${short(row.medianMs)} ms`,
      )
    result.rows.push(...rows)
    result.notes.push(...said.filter((note) => !result.notes.includes(note)))
  }
  return result
}

async function inspectAdapter(log: (line: string) => void): Promise<AdapterReport> {
  const report = await probeAdapter()
  log(`adapter: ${report.name}${report.software ? ' (software: emulated on the CPU, its times are no GPU times)' : ''}`)
  log(`features: ${report.features.join(', ')}`)
  log(
    `limits: ${Object.entries(report.limits)
      .map((limit) => limit.join(' '))
      .join(', ')}`,
  )
  log(`ceilings: ${gpuCeilingsText(report.ceilings)}`)
  return report
}
