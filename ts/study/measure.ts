// The last stage: every row's time on every device, and whether the GPU says what the CPU says.

import { stat } from 'node:fs/promises'
import { freemem } from 'node:os'
import { join } from 'node:path'
import type { Device, DeviceInfo, Session } from '../../kernels/program/device.ts'
import type { Batch, Program } from '../../kernels/program/program.ts'
import { buildProgram } from '../model/bert.ts'
import { loadClassifier } from '../inference/classifier.ts'
import { openDevice } from '../inference/devices.ts'
import { encodeTexts, packBatch } from '../inference/batches.ts'
import { predict, runLogits } from '../inference/logits.ts'
import type { Reporter } from '../inference/reporter.ts'
import type { GpuLatency, Latency } from '../report/results.ts'
import { agreement } from '../evaluation/statistics.ts'
import { Stopped } from '../inference/stopped.ts'
import { compareTimes, type Speed } from '../evaluation/speed.ts'
import { timeInTurns, type TimedTurns } from '../evaluation/timing.ts'

export interface MeasuredRow {
  id: string
  /** of the saved model */
  folder: string
}

export interface Measurements {
  cpu: Record<string, Latency> | null
  gpu: Record<string, GpuLatency> | null
  adapter: string | null
  notes: string[]
}

export interface MeasureInput {
  rows: MeasuredRow[]
  devices: ('cpu' | 'gpu')[]
  cpu: Device
  threads: number
  /** the test texts */
  texts: string[]
  /** outputs of the classifier */
  labels: number
  maxLength: number
  /** for the turns on a device, and on an emulated GPU for the texts that it is compared on as well */
  seconds: (kind: 'cpu' | 'gpu') => number
  /** turns took so many seconds */
  onTimed?: (seconds: number) => void
  /** a device is done */
  onDevice?: (kind: 'cpu' | 'gpu') => void
  /** texts whose logits are compared between GPU and CPU */
  checked: number
  reporter: Reporter
  signal?: AbortSignal
}

interface Opened {
  id: string
  program: Program
  batch: Batch
  tokens: number
  /** ids of the texts for throughput and for the comparison, the same ones for every row */
  sample: Int32Array[]
  /** how many of them GPU and CPU are compared on */
  checked: number
}

/** Share of the seconds that turns on an emulated GPU take; the rest goes to the texts that it is compared on. */
const EMULATED_TURNS = 0.5
/** Models whose packed weights together stay below this are timed in one group. */
const GROUP_SHARE_OF_MEMORY = 0.25
/** A packed model and what it was packed from. */
const COPIES = 2
const THROUGHPUT_TEXTS = 128
/** Tokens of the texts that GPU and CPU are compared on: an emulated GPU takes a millisecond for each, and more. */
const CHECKED_TOKENS = 2400

/** How many of the first texts have so many tokens together; one at least. */
function textsWithin(ids: Int32Array[], most: number): number {
  let count = 0
  for (let sum = 0; count < ids.length && (sum += ids[count].length) <= most;) count++
  return Math.max(1, count)
}

/** How many of so many texts fit into seconds where one takes so long; one at least. */
const textsWithinTime = (most: number, ms: number, seconds: number): number =>
  Math.max(1, Math.min(most, Math.floor((1000 * seconds) / ms)))

/** The text in the middle when all are ordered by tokens. */
export function typicalText(ids: Int32Array[]): number {
  const order = ids.map((_, i) => i).sort((a, b) => ids[a].length - ids[b].length || a - b)
  return order[order.length >> 1]
}

/** Measures every row on every device asked for. */
export async function measureRows(input: MeasureInput): Promise<Measurements> {
  const found: Measurements = { cpu: null, gpu: null, adapter: null, notes: [] }
  const groups = await groupRows(input.rows)
  const [reference] = input.rows
  if (groups.length > 1)
    found.notes.push(
      `the models do not fit into memory together: rows were timed in ${groups.length} groups, each beside ${reference.id}`,
    )
  for (const kind of input.devices) {
    for (const [g, group] of groups.entries()) {
      const part = groups.length > 1 ? ` (group ${g + 1} of ${groups.length})` : ''
      input.reporter.stage(`times on the ${kind.toUpperCase()}${part}`)
      const device = kind === 'cpu' ? input.cpu : (await openDevice({ device: 'gpu' })).device
      try {
        const { rows, notes } = await measureGroup(input, kind, device, { group, reference, groups: groups.length })
        found.notes.push(...notes.map((words) => `${kind.toUpperCase()}${part}: ${words}`))
        if (kind === 'cpu') found.cpu = { ...found.cpu, ...rows }
        else found.gpu = { ...found.gpu, ...(rows as Record<string, GpuLatency>) }
        const info = device.info()
        if (kind === 'gpu') found.adapter = adapterName(info)
        if (info.software)
          found.notes.push(
            'on the software GPU (emulated) the cold start was measured once for each set of kernels, and is the figure of every row that uses the same ones',
          )
        for (const note of info.notes) if (!found.notes.includes(note)) found.notes.push(note)
      } finally {
        if (kind === 'gpu') await device.dispose()
      }
      input.reporter.done(`${group.length} rows`)
    }
    input.onDevice?.(kind)
  }
  return found
}

/** The adapter's own words; what is emulated is called so. */
export const adapterName = ({ name, software }: DeviceInfo): string =>
  software ? `software GPU (emulated), ${name}` : name

/** Rows in groups that fit into a part of the free memory. */
async function groupRows(rows: MeasuredRow[]): Promise<MeasuredRow[][]> {
  const limit = freemem() * GROUP_SHARE_OF_MEMORY
  const groups: MeasuredRow[][] = [[]]
  let used = 0
  for (const row of rows) {
    const bytes = (await stat(join(row.folder, 'model.safetensors'))).size * COPIES
    if (used + bytes > limit && groups[groups.length - 1].length > 0) {
      groups.push([])
      used = 0
    }
    groups[groups.length - 1].push(row)
    used += bytes
  }
  return groups
}

async function openRow({ id, folder }: MeasuredRow, input: MeasureInput): Promise<Opened> {
  const { weights, tokenizer } = await loadClassifier(folder)
  const limit = Math.min(input.maxLength, weights.config.maxPositions)
  const { ids } = encodeTexts(tokenizer, input.texts, limit)
  const typical = ids[typicalText(ids)]
  return {
    id,
    program: buildProgram(weights, 'logits'),
    batch: packBatch([typical]),
    tokens: typical.length,
    sample: ids.slice(0, Math.max(input.checked, THROUGHPUT_TEXTS)),
    checked: textsWithin(ids.slice(0, input.checked), CHECKED_TOKENS),
  }
}

/** Id of the reference where it is timed a second time, for what it differs from itself. */
const CONTROL = 'the reference, again'

interface Group {
  group: MeasuredRow[]
  /** timed beside every group, so that each row has it in its rounds */
  reference: MeasuredRow
  /** that share the device's time */
  groups: number
}

async function measureGroup(
  input: MeasureInput,
  kind: 'cpu' | 'gpu',
  device: Device,
  { group, reference, groups }: Group,
): Promise<{ rows: Record<string, Latency | GpuLatency>; notes: string[] }> {
  const { reporter, signal } = input
  const { software } = device.info()
  const opened: Opened[] = []
  for (const row of group) opened.push(await openRow(row, input))
  const control = { ...(await openRow(reference, input)), id: CONTROL }
  const steps = opened.length * 2
  const cold = await coldStarts(input, kind, software, opened)
  const sessions = new Map<string, Session>()
  try {
    for (const { id, program } of [...opened, control]) sessions.set(id, await device.load(program))
    const seconds = input.seconds(kind) / groups
    const began = performance.now()
    const turns = await timeInTurns(
      [...opened, control].map(({ id, batch }) => ({ id, batch, session: sessions.get(id)! })),
      {
        seconds: software ? seconds * EMULATED_TURNS : seconds,
        // an emulated GPU shows that a row runs, which a few runs do
        ...(software && { burst: 1 }),
        signal,
        progress: (done, total) =>
          reporter.progress(opened.length + (done / total) * opened.length, steps, undefined, 'in turns'),
      },
    )
    const took = (performance.now() - began) / 1000
    input.onTimed?.(Math.min(took, seconds))
    const speeds = speedsOf(turns, opened, reference.id, input.rows.length - 1)
    const rows: Record<string, Latency | GpuLatency> = {}
    for (const each of opened) {
      const { rounds: _, ...times } = turns.times.get(each.id)!
      // seconds for the texts of each row, were the rest of the device's time shared evenly
      const rest = Math.max(0, seconds - took) / opened.length
      const row = software ? { ...each, checked: textsWithinTime(each.checked, times.medianMs, rest) } : each
      const { logits, textsPerSecond } = await runSample(input, kind, device, sessions.get(row.id)!, row)
      const latency: Latency = {
        threads: kind === 'cpu' ? device.info().threads : 0,
        tokens: row.tokens,
        batch: 1,
        ...times,
        speed: row.id === reference.id ? null : speeds.rows.get(row.id)!,
        coldMs: cold.get(row.id)!,
        textsPerSecond,
      }
      rows[row.id] = kind === 'cpu' ? latency : { ...latency, ...(await compareWithCpu(input, device, row, logits)) }
    }
    return { rows, notes: turnWords(turns, speeds.control) }
  } finally {
    for (const session of sessions.values()) session.dispose()
  }
}

/**
 * Every row against the reference, round by round. Where the reference itself was timed twice, what it differs from itself
 * is what no other difference can be told from.
 */
function speedsOf(
  { times }: TimedTurns,
  opened: Opened[],
  reference: string,
  family: number,
): { rows: Map<string, Speed>; control: number } {
  const base = times.get(CONTROL)!.rounds
  const own = times.get(reference)?.rounds
  const control = own ? compareTimes(base, own).ratio : 1
  const rows = opened.map(({ id }): [string, Speed] => [
    id,
    compareTimes(own ?? base, times.get(id)!.rounds, { family: Math.max(1, family), control }),
  ])
  return { rows: new Map(rows), control }
}

/** How the rounds went. */
function turnWords({ rounds, disturbed, kept }: TimedTurns, control: number): string[] {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
  const list = disturbed.map(({ round, factor }) => `${round} (${factor.toFixed(1)} times as long)`).join(', ')
  return [
    `${rounds} rounds; the baseline timed twice differs from itself by ${percent(Math.abs(control - 1))}, which widens every interval`,
    ...(disturbed.length > 0 ? [`disturbed rounds left out and repeated: ${list}`] : []),
    ...(kept > 0 ? [`the machine was not calm: ${kept} of the rounds that count were disturbed too`] : []),
  ]
}

/** The texts for throughput and for the comparison of devices, in ragged batches. */
async function runSample(
  { labels, signal }: MeasureInput,
  kind: 'cpu' | 'gpu',
  device: Device,
  session: Session,
  { sample, checked }: Opened,
): Promise<{ logits: Float32Array; textsPerSecond: number }> {
  const { software } = device.info()
  const texts = sample.slice(0, kind === 'cpu' || !software ? THROUGHPUT_TEXTS : checked)
  // on an emulated GPU a warm run first would double what is slow already and is not the point
  if (!software) await runLogits(session, texts, labels, { signal })
  const began = performance.now()
  const logits = await runLogits(session, texts, labels, { signal })
  return { logits, textsPerSecond: (1000 * texts.length) / (performance.now() - began) }
}

/**
 * The cold start of every row. On an emulated GPU, whose compiler takes seconds for each kernel, once for each set of
 * kernels: what the first row needs is taken for the others, which differ in the weights they upload alone.
 */
async function coldStarts(
  { threads, reporter, signal }: MeasureInput,
  kind: 'cpu' | 'gpu',
  isSoftware: boolean,
  rows: Opened[],
): Promise<Map<string, number>> {
  const cold = new Map<string, number>()
  const bySet = new Map<string, number>()
  for (const [i, row] of rows.entries()) {
    if (signal?.aborted) throw new Stopped()
    reporter.progress(i, rows.length * 2, undefined, `cold start of ${row.id}`)
    const set = kernelSet(row.program)
    const known = isSoftware ? bySet.get(set) : undefined
    const took = known ?? (await coldStart(kind, threads, row))
    bySet.set(set, took)
    cold.set(row.id, took)
  }
  return cold
}

/** What decides which kernels a program needs: its ops and the storage formats of their weights. */
function kernelSet({ ops }: Program): string {
  const names = ops.map((op) =>
    op.kind === 'linear'
      ? `${op.weight.kind} ${op.activation}`
      : op.kind === 'embedding'
        ? `embedding ${op.word.kind}`
        : op.kind,
  )
  return [...new Set(names)].sort().join(',')
}

/** Milliseconds from nothing to the first answer: a new device, weights packed, kernels ready, one text. */
async function coldStart(kind: 'cpu' | 'gpu', threads: number, { program, batch }: Opened): Promise<number> {
  const began = performance.now()
  const { device } = await openDevice({ device: kind, threads: threads || undefined })
  try {
    const session = await device.load(program)
    await session.run(batch)
    const took = performance.now() - began
    session.dispose()
    return took
  } finally {
    await device.dispose()
  }
}

async function compareWithCpu(
  { cpu, labels, signal }: MeasureInput,
  gpu: Device,
  { program, sample: texts, checked }: Opened,
  gpuLogits: Float32Array,
): Promise<Pick<GpuLatency, 'adapter' | 'software' | 'agreement' | 'maxDifference' | 'checked'>> {
  const sample = texts.slice(0, checked)
  const session = await cpu.load(program)
  let cpuLogits: Float32Array
  try {
    cpuLogits = await runLogits(session, sample, labels, { signal })
  } finally {
    session.dispose()
  }
  let maxDifference = 0
  for (let i = 0; i < cpuLogits.length; i++)
    maxDifference = Math.max(maxDifference, Math.abs(cpuLogits[i] - gpuLogits[i]))
  const info = gpu.info()
  return {
    adapter: adapterName(info),
    software: info.software,
    agreement: agreement(predict(cpuLogits, labels), predict(gpuLogits.subarray(0, cpuLogits.length), labels)),
    maxDifference,
    checked: sample.length,
  }
}
