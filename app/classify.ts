// Texts to answers with their time, and what of each text the model did not see.

import { rankLabels } from '../ts/inference/classifier.ts'
import { mostTokens } from '../ts/inference/open-tokenizer.ts'
import type { EncodedTexts } from '../ts/inference/batches.ts'
import { sampleRuns } from '../ts/evaluation/sampling.ts'
import { summarize } from '../ts/evaluation/statistics.ts'
import type { Tokenizer } from '../ts/text/tokenizer.ts'
import type { Classified, Slot, TextAnswer } from './messages.ts'
import { forgetDevices, slotFor, type OpenSlot, type Say } from './open.ts'

/** Runs that a median is taken over, for a first run of at most so long. */
const REPEATS = [
  { underMs: 100, runs: 9 },
  { underMs: 1500, runs: 3 },
]
/** A page's clock steps by up to 0.1 ms: shorter runs are timed together. */
const SAMPLE_MS = crossOriginIsolated ? 0.5 : 5
const ALL = 1_000_000
/** of a text that are named */
const MOST_UNKNOWN = 8

/** @throws what opening, packing or running throws; the devices are then opened anew by the next call */
export async function classify(slot: Slot, texts: string[], say: Say): Promise<Classified> {
  try {
    return await run(await slotFor(slot, say), texts, say)
  } catch (error) {
    await forgetDevices()
    throw error
  }
}

async function run({ running, device, ...open }: OpenSlot, texts: string[], say: Say): Promise<Classified> {
  const { config, tokenizer } = running
  const limit = mostTokens(tokenizer, config)
  const encoded = running.encode(texts, limit)
  const progress = (done: number, total: number): void => say({ verb: 'progress', stage: 'running', done, total })
  const start = performance.now()
  const logits = await running.logits(encoded, { progress: texts.length > 1 ? progress : undefined })
  const coldMs = performance.now() - start
  const samples = await repeated(() => running.logits(encoded), coldMs)
  const { median: medianMs, mad: madMs, n } = summarize(samples)
  const ranked = rankLabels(config, logits)
  const session = await running.session('logits')
  const info = device.info()
  return {
    answers: texts.map((text, i) => ({ labels: ranked[i], ...seen(tokenizer, text, encoded, i, limit) })),
    recipe: config.recipe,
    time: { medianMs, madMs, n },
    coldMs,
    openMs: open.openMs,
    fileBytes: open.fileBytes,
    deviceBytes: session.stats().weightBytes,
    info,
    notes: [...open.notes, ...info.notes],
  }
}

function repeated(run: () => Promise<unknown>, coldMs: number): Promise<number[]> | number[] {
  const fitting = REPEATS.find(({ underMs }) => coldMs < underMs)
  return fitting ? sampleRuns(run, { minMs: 0, minRuns: fitting.runs, sampleMs: SAMPLE_MS }) : [coldMs]
}

/** What the model read of a text. */
function seen(
  tokenizer: Tokenizer,
  text: string,
  { ids }: EncodedTexts,
  i: number,
  limit: number,
): Omit<TextAnswer, 'labels'> {
  const read = ids[i].length
  const tokens = read < limit ? read : tokenizer.encode(text, ALL).length
  return { tokens, read, unknown: unknownWords(tokenizer, text, ids[i]) }
}

/** Words that have no piece in the vocabulary; none where it holds every letter or byte. */
function unknownWords({ parts, encode }: Tokenizer, text: string, ids: Int32Array): string[] {
  const { unknownId } = parts.model
  if (unknownId === undefined || !ids.includes(unknownId)) return []
  const words = new Set(text.split(/\s+/).filter((word) => word !== '' && encode(word, ALL).includes(unknownId)))
  return [...words].slice(0, MOST_UNKNOWN)
}
