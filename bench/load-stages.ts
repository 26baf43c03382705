// `bench load`: what a pipeline does before its first answer, stage by stage, and the whole of a peer's, each time in a new
// process or page.

import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { medianAbsoluteDeviation, median } from '../ts/evaluation/statistics.ts'
import { startTexts } from './contenders/open-texts.ts'
import type { Host } from './lib/contender.ts'
import { RemoteContender } from './lib/remote.ts'
import { formatTable, short } from './lib/results.ts'
import { installPeers } from './peers/install.ts'
import { checkTextPeers, folderOf, makeVariant } from './texts.ts'

export interface LoadTimes {
  engine: string
  host: Host
  /** of ours, one after another; and of each the whole, in which stages overlap */
  stage: string
  medianMs: number
  madMs: number
  minMs: number
}

export interface LoadBenchOptions {
  /** with a tokenizer, the weights as they are stored */
  folder: string
  threads: number
  /** processes or pages of each */
  rounds: number
  hosts: Host[]
  peers: string[]
  log: (line: string) => void
}

/** Some 16 tokens. */
const TEXT = 'The first answer is the one that a visitor waits for, however fast the next ones are.'
const WHOLE = 'whole'

/** @throws where there is no such folder, a peer is not known, or a process fails */
export async function benchLoad({
  folder,
  threads,
  rounds,
  hosts,
  peers,
  log,
}: LoadBenchOptions): Promise<LoadTimes[]> {
  const file = join(folder, 'model.safetensors')
  if (!existsSync(file)) throw new Error(`bench load: there is no ${file}; give the folder of a model`)
  checkTextPeers(peers)
  if (peers.length > 0) installPeers(log)
  const root = await mkdtemp(join(tmpdir(), 'compact-kernels-load-'))
  try {
    await makeVariant({ model: folder, seed: 1, peers, log }, 'baseline', root)
    const who = hosts.flatMap((host) => ['stages', 'start', ...peers].map((contender) => ({ contender, host })))
    const samples = who.map(() => [] as Record<string, number>[])
    for (let round = 0; round < rounds; round++)
      for (const [i, { contender, host }] of who.entries())
        samples[i].push(await startOnce(contender, host, { folder: folderOf(root, 'baseline'), threads }))
    return who.flatMap(({ contender, host }, i) =>
      Object.keys(samples[i][0]).map((stage) => {
        const times = samples[i].map((sample) => sample[stage])
        const engine = peers.includes(contender) ? contender : 'compact-kernels'
        const [medianMs, madMs] = [median(times), medianAbsoluteDeviation(times)]
        return { engine, host, stage, medianMs, madMs, minMs: Math.min(...times) }
      }),
    )
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

/** ms of the stages, where the contender tells them, and of the whole. */
async function startOnce(
  contender: string,
  host: Host,
  given: { folder: string; threads: number },
): Promise<Record<string, number>> {
  const { channel, task } = await startTexts(contender, host, given)
  const remote = new RemoteContender(`${contender} in ${host}`, channel)
  try {
    const { prepareMs } = await remote.prepare(contender, task)
    const { firstMs, description } = await remote.first({ texts: [TEXT], batch: 1 })
    return description.partsMs ?? { [WHOLE]: prepareMs + firstMs }
  } finally {
    await remote.dispose()
  }
}

export const loadTable = (rows: LoadTimes[]): string =>
  formatTable(
    ['engine', 'in', 'stage', 'median ms', 'MAD', 'min'],
    rows.map(({ engine, host, stage, medianMs, madMs, minMs }) => [
      ...[engine, host, stage],
      ...[medianMs, madMs, minMs].map(short),
    ]),
    3,
  )
