// `bench texts`: vectors of real texts by the whole pipeline, tokenizer included, beside transformers.js on the same
// weights, in Node and in Chromium. All bursts of one setting are interleaved round by round.

import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadTexts } from '../ts/data/unlabelled.ts'
import { loadModel } from '../ts/model/load.ts'
import { saveModel } from '../ts/model/save.ts'
import { exportOnnx } from '../ts/onnx/export.ts'
import { applyRecipe } from '../ts/recipe/apply.ts'
import type { Description, Host } from './lib/contender.ts'
import { fastestCalibration, rotated, timing, warmCalibration, type Burst } from './lib/measure.ts'
import { startTexts } from './contenders/open-texts.ts'
import { RemoteContender } from './lib/remote.ts'
import { resultHead, engineName, formatTable, short, type BenchResult, type ResultRow } from './lib/results.ts'
import { distances } from './lib/texts.ts'
import { installPeers } from './peers/install.ts'

export const TEXT_PEERS: readonly string[] = ['transformers-js']

/** @throws where one is not known */
export function checkTextPeers(peers: readonly string[]): void {
  const unknown = peers.filter((peer) => !TEXT_PEERS.includes(peer))
  if (unknown.length > 0) throw new Error(`no peer '${unknown.join(', ')}'; there are ${TEXT_PEERS.join(', ')}`)
}

export interface TextsBenchOptions {
  /** folder with a tokenizer, or hub id */
  model: string
  /** file of texts */
  data: string
  /** first texts of the file */
  texts: number
  /** recipes, or 'baseline' */
  variants: string[]
  /** texts of one call */
  batches: number[]
  threads: number[]
  peers: string[]
  /** ours with its wide kernels too, in a process with V8's flag, beside ours without */
  wide?: boolean
  /** node where not given */
  hosts?: Host[]
  rounds: number
  seed: number
  command: string
  log: (line: string) => void
}

/** Ours by the names of engines. */
const OURS: Record<string, string> = {
  'compact-kernels': 'compact-kernels-texts',
  'compact-kernels wide': 'compact-kernels-texts-wide',
}

interface Who {
  /** as engines are called */
  name: string
  host: Host
}

interface Opened extends Who {
  remote: RemoteContender
  prepareMs: number
  coldMs: number
  description: Description
  vectors: Float32Array
  bursts: Burst[]
}

const keyOf = ({ name, host }: Who): string => `${name} in ${host}`

interface Setting {
  variant: string
  threads: number
  batch: number
}

/** @throws where a file cannot be read, a peer is not known, or a contender fails */
export async function benchTexts(options: TextsBenchOptions): Promise<BenchResult> {
  checkTextPeers(options.peers)
  const notes: string[] = []
  const all = await loadTexts(options.data, undefined, notes)
  if (all.length < options.texts)
    throw new Error(`${options.data} has ${all.length} texts, --texts asks for ${options.texts}; ask for fewer`)
  const texts = all.slice(0, options.texts)
  if (options.peers.length > 0) installPeers(options.log)
  warmCalibration()
  const result: BenchResult = {
    ...resultHead('texts', options.command),
    ceilings: {},
    rows: [],
    notes: [
      `${options.model}, the first ${texts.length} texts of the file; ms are of one text, tokenizer, mean and norm included`,
      'distances are 1 - cosine; from f32: from ours of the model as it is, one text a call; alone: from the same engine’s with one text a call',
      ...notes,
    ],
  }
  const folder = await mkdtemp(join(tmpdir(), 'compact-kernels-texts-'))
  try {
    await makeVariant(options, 'baseline', folder)
    const reference = await open(
      { name: 'compact-kernels', host: 'node' },
      { variant: 'baseline', threads: 1, batch: 1 },
      folder,
      texts,
    )
    // by these vectors the others are judged
    const exact = reference.vectors
    await reference.remote.dispose()
    for (const variant of options.variants) {
      if (variant !== 'baseline') await makeVariant(options, variant, folder)
      for (const threads of options.threads) {
        const alone = new Map<string, Float32Array>()
        // one text a call comes first: the others are held against it
        for (const batch of [...new Set([1, ...options.batches])].sort((a, b) => a - b)) {
          const setting = { variant, threads, batch }
          const isTimed = options.batches.includes(batch)
          const rows = await measure(setting, options, folder, texts, exact, alone, isTimed)
          result.rows.push(...rows)
          if (isTimed) options.log(`${variant}, ${threads} threads, ${batch} texts a call done`)
        }
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return result
}

/** transformers.js takes no + in a model's name. */
export const folderOf = (root: string, variant: string): string => join(root, variant.replaceAll('+', '_'))

/** Writes the variant as both sides read it. */
export async function makeVariant(
  { model, seed, peers, log }: Pick<TextsBenchOptions, 'model' | 'seed' | 'peers' | 'log'>,
  variant: string,
  root: string,
): Promise<void> {
  log(`${variant}: making the weights …`)
  const loaded = await loadModel(model, { seed })
  const weights = variant === 'baseline' ? loaded.weights : (await applyRecipe(loaded.weights, variant, { seed })).model
  const folder = folderOf(root, variant)
  await saveModel(weights, folder, { files: loaded.tokenizerFiles, beside: await loaded.filesBeside() })
  if (peers.length === 0) return
  await mkdir(join(folder, 'onnx'))
  await exportOnnx(weights, join(folder, 'onnx', 'model.onnx'), { output: 'last_hidden_state' })
}

async function open(who: Who, setting: Setting, root: string, texts: string[]): Promise<Opened> {
  const { variant, threads, batch } = setting
  const { name, host } = who
  const { channel, task } = await startTexts(OURS[name] ?? name, host, { folder: folderOf(root, variant), threads })
  const remote = new RemoteContender(
    `${name} in ${host} ${variant}, ${threads} threads, ${batch} texts a call`,
    channel,
  )
  try {
    const { prepareMs } = await remote.prepare(OURS[name] ?? name, task)
    const { firstMs: coldMs } = await remote.first({ texts: texts.slice(0, batch), batch })
    const { output: vectors, description } = await remote.first({ texts, batch })
    return { ...who, remote, prepareMs, coldMs, description, vectors, bursts: [] }
  } catch (error) {
    await remote.dispose()
    throw error
  }
}

/** Who runs and where: the wide kernels in Node alone, whose flag they need. */
const wanted = ({ peers, wide, hosts = ['node'] }: TextsBenchOptions): Who[] =>
  hosts.flatMap((host) =>
    ['compact-kernels', ...(wide && host === 'node' ? ['compact-kernels wide'] : []), ...peers].map((name) => ({
      name,
      host,
    })),
  )

/** Ours and the peers in one setting; `alone` gets, and has, their vectors with one text a call. */
async function measure(
  setting: Setting,
  options: TextsBenchOptions,
  root: string,
  texts: string[],
  exact: Float32Array,
  alone: Map<string, Float32Array>,
  isTimed: boolean,
): Promise<ResultRow[]> {
  const { variant, batch } = setting
  const { peers, rounds, model } = options
  const opened: Opened[] = []
  try {
    for (const who of wanted(options)) opened.push(await open(who, setting, root, texts))
    if (batch === 1) for (const who of opened) alone.set(keyOf(who), who.vectors)
    if (!isTimed) return []
    for (let round = 0; round < rounds; round++)
      for (const contender of rotated(opened, round))
        contender.bursts.push((await contender.remote.burst(round, 1, 1)).burst)
  } finally {
    await Promise.all(opened.map(({ remote }) => remote.dispose()))
  }
  const fastest = fastestCalibration(opened.map(({ bursts }) => bursts))
  const perText = (ms: number): number => ms / texts.length
  const times = opened.map(({ bursts }) => timing(bursts, fastest, setting.threads === 1))
  return opened.map((who, at): ResultRow => {
    const { name, host, description, coldMs, prepareMs, vectors, bursts } = who
    const time = times[at]
    const ratios = Object.fromEntries(
      peers.map((peer) => {
        const rival = times[opened.findIndex((other) => other.name === peer && other.host === host)]
        return [peer, { sameWeights: rival.medianMs / time.medianMs, sameWeightsMin: rival.minMs / time.minMs }]
      }),
    )
    return {
      engine: description.engine,
      engineVersion: description.engineVersion,
      ...(host === 'node' ? {} : { host }),
      model,
      variant,
      device: 'cpu',
      threads: description.threads,
      batch,
      tokens: 0,
      ...time,
      medianMs: perText(time.medianMs),
      madMs: perText(time.madMs),
      p95Ms: perText(time.p95Ms),
      minMs: perText(time.minMs),
      cpuMs: perText(time.cpuMs),
      coldMs,
      ...(name in OURS && peers.length > 0 ? { ratios } : {}),
      distances: {
        f32: distances(vectors, exact, texts.length),
        alone: distances(vectors, alone.get(keyOf(who))!, texts.length),
      },
      ...(description.partsMs && {
        partsMs: Object.fromEntries(Object.entries(description.partsMs).map(([part, ms]) => [part, perText(ms)])),
      }),
      notes: [...description.notes, `prepared in ${prepareMs.toFixed(0)} ms`],
      samples: bursts,
    }
  })
}

export function textsTable(rows: ResultRow[]): string {
  const peers = [...new Set(rows.flatMap(({ ratios }) => Object.keys(ratios ?? {})))]
  const times = (ratio: number | undefined): string => (ratio === undefined ? '' : ratio.toFixed(2))
  const header = ['variant', 'engine', 'thr', 'batch', 'ms a text', 'MAD', 'min', 'CPU ms', 'cold', 'from f32', 'alone']
  for (const peer of peers) header.push(`x ${peer}`, 'by min')
  header.push('tokenize', 'pack', 'model', 'n', 'disturbed')
  return formatTable(
    header,
    rows.map((row) => [
      row.variant,
      engineName(row),
      String(row.threads),
      String(row.batch),
      short(row.medianMs),
      short(row.madMs),
      short(row.minMs),
      short(row.cpuMs),
      short(row.coldMs),
      row.distances!.f32.mean.toExponential(2),
      row.distances!.alone.max.toExponential(1),
      ...peers.flatMap((peer) => [times(row.ratios?.[peer]?.sameWeights), times(row.ratios?.[peer]?.sameWeightsMin)]),
      ...['tokenize', 'pack', 'model'].map((part) => short(row.partsMs?.[part])),
      String(row.n),
      `${row.disturbedBursts}/${row.bursts}${row.noisy ? ' noisy' : ''}`,
    ]),
    2,
  )
}
