// `bench models`: whole models, ours and the peers', on the same weights, each in a process of its own, their bursts
// interleaved round by round.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { median } from '../ts/evaluation/statistics.ts'
import { openContenders, type OpenContender } from './contenders/open.ts'
import { PEERS } from './lib/contender.ts'
import { fastestCalibration, rotated, timing, warmCalibration } from './lib/measure.ts'
import type { ModelBenchOptions } from './lib/model-options.ts'
import { resultHead, engineName, formatTable, short, type BenchResult, type ResultRow } from './lib/results.ts'
import { CHECK_TOKENS, largestDifference, prepareVariant } from './lib/variant.ts'
import { installPeers } from './peers/install.ts'
import { probeCpu } from './probe/cpu.ts'

/** Runs the bench. A peer that cannot run a variant is named in the notes; ours failing is an error. */
export async function benchModels(options: ModelBenchOptions): Promise<BenchResult> {
  const unknown = options.peers.filter((peer) => !Object.hasOwn(PEERS, peer))
  if (unknown.length > 0) throw new Error(`no peer '${unknown.join(', ')}'; there are ${Object.keys(PEERS).join(', ')}`)
  if (options.peers.some((peer) => peer.startsWith('ort-'))) installPeers(options.log)
  warmCalibration()
  const result: BenchResult = {
    ...resultHead('models', options.command),
    ceilings: {},
    rows: [],
    notes: [
      `${options.model}, seed ${options.seed}; token ids are seeded random, every contender gets the same`,
      `max error: logits of a (1, ${CHECK_TOKENS}) input against our float64 reference of the same variant`,
      'ours computes only the [CLS] row after the last attention, which is all that the logits read',
    ],
  }
  if (options.devices.includes('cpu')) result.ceilings.cpu = await probeCpu(options.threads)
  const folder = await mkdtemp(join(tmpdir(), 'compact-kernels-bench-'))
  const contenders: OpenContender[] = []
  try {
    for (const name of options.variants) {
      const variant = await prepareVariant(result.notes, name, folder, options)
      contenders.push(...(await openContenders(variant, options, result.notes)))
      for (const path of [variant.onnxPath, variant.densePath, variant.folder])
        if (path !== null) await rm(path, { recursive: true })
    }
    for (let round = 0; round < options.rounds; round++) {
      for (const contender of rotated(contenders, round)) {
        const { burst, gpuMs } = await contender.remote.burst(round, options.burstMs, 3)
        contender.bursts.push(burst)
        if (gpuMs !== null) contender.gpuMs.push(gpuMs)
      }
      options.log(`round ${round + 1} of ${options.rounds} done`)
    }
    result.rows = resultRows(contenders, options)
  } finally {
    await Promise.all(contenders.map((contender) => contender.remote.dispose()))
    await rm(folder, { recursive: true, force: true })
  }
  return result
}

/** Share of sequences whose largest logit is at the same label. */
function sameLabels(actual: Float32Array, expected: Float32Array, batch: number): number {
  const labels = expected.length / batch
  const best = (logits: Float32Array, b: number): number => {
    let index = 0
    for (let i = 1; i < labels; i++) if (logits[b * labels + i] > logits[b * labels + index]) index = i
    return index
  }
  let same = 0
  for (let b = 0; b < batch; b++) if (best(actual, b) === best(expected, b)) same++
  return same / batch
}

function resultRows(contenders: OpenContender[], options: ModelBenchOptions): ResultRow[] {
  const fastest = fastestCalibration(contenders.map((contender) => contender.bursts))
  const times = new Map(
    contenders.map((contender) => [
      contender,
      timing(contender.bursts, fastest, contender.description.device === 'cpu' && contender.description.threads === 1),
    ]),
  )
  return contenders.map((contender): ResultRow => {
    const { description, task, name } = contender
    const first = contenders.find((other) => other.task.variant === task.variant)!
    const time = times.get(contender)!
    const ratioTo = (peer: string, variant: string, key: 'medianMs' | 'minMs'): number | undefined => {
      const rivals = contenders.filter(
        (other) =>
          other.name === peer &&
          other.task.variant === variant &&
          other.description.device === description.device &&
          (description.device === 'gpu' || other.description.threads === description.threads),
      )
      // a peer in the same surroundings where it runs in them, else in its own process
      const rival =
        rivals.find((other) => other.host === contender.host) ?? rivals.find((other) => other.host === 'node')
      return rival && times.get(rival)![key] / time[key]
    }
    const rivals = name === 'compact-kernels-wide' ? ['compact-kernels', ...options.peers] : options.peers
    const ratios = Object.fromEntries(
      rivals.map((peer) => [
        peer,
        {
          sameWeights: ratioTo(peer, task.variant, 'medianMs'),
          baseline: ratioTo(peer, 'baseline', 'medianMs'),
          baselineMin: ratioTo(peer, 'baseline', 'minMs'),
        },
      ]),
    )
    return {
      engine: description.engine,
      engineVersion: description.engineVersion,
      model: options.model,
      variant: task.variant,
      device: description.device,
      ...(contender.host === 'node' ? {} : { host: contender.host }),
      ...(description.adapter === undefined ? {} : { adapter: description.adapter, software: description.software }),
      ...(description.precision === undefined ? {} : { precision: description.precision }),
      threads: description.threads,
      batch: options.batch,
      tokens: options.tokens,
      ...time,
      coldMs: contender.coldMs,
      ...(contender.gpuMs.length > 0 ? { gpuMs: median(contender.gpuMs) } : {}),
      maxError: contender.maxError,
      agreement: sameLabels(contender.logits, first.logits, options.batch),
      maxDifference: largestDifference(contender.logits, first.logits),
      ...(name.startsWith('compact-kernels') && rivals.length > 0 ? { ratios } : {}),
      ...(description.calls === undefined ? {} : { calls: description.calls, weightBytes: description.weightBytes }),
      notes: [`prepared in ${contender.prepareMs.toFixed(0)} ms`],
      samples: contender.bursts,
    }
  })
}

const deviceName = ({ device, software, precision }: ResultRow): string =>
  [
    device,
    ...(software ? ['(software)'] : []),
    ...(precision === undefined || precision === 'f32' ? [] : [precision]),
  ].join(' ')

export function modelTable(rows: ResultRow[]): string {
  const peers = [...new Set(rows.flatMap((row) => Object.keys(row.ratios ?? {})))]
  const header = [
    'variant',
    'engine',
    'device',
    'thr',
    '(B, T)',
    'median ms',
    'MAD',
    'p95',
    'min',
    'CPU ms',
    'cold',
    'max error',
    'agree',
  ]
  for (const peer of peers) header.push(`x ${peer}`, `x ${peer} f32`, 'by min')
  header.push('n', 'disturbed')
  const times = (ratio: number | undefined): string => (ratio === undefined ? '' : ratio.toFixed(2))
  return formatTable(
    header,
    rows.map((row) => [
      row.variant,
      engineName(row),
      deviceName(row),
      String(row.threads),
      `(${row.batch}, ${row.tokens})`,
      short(row.medianMs),
      short(row.madMs),
      short(row.p95Ms),
      short(row.minMs),
      short(row.cpuMs),
      short(row.coldMs),
      short(row.maxError),
      short(row.agreement),
      ...peers.flatMap((peer) => [
        times(row.ratios?.[peer]?.sameWeights),
        times(row.ratios?.[peer]?.baseline),
        times(row.ratios?.[peer]?.baselineMin),
      ]),
      String(row.n),
      `${row.disturbedBursts}/${row.bursts}${row.noisy ? ' noisy' : ''}`,
    ]),
    3,
  )
}
