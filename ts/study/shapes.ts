// Times of a few rows by the length of a text and by the number of texts: what one text of the usual length does not say.

import type { Device } from '../../kernels/program/device.ts'
import { createRandom } from '../../kernels/program/random.ts'
import { buildProgram } from '../model/bert.ts'
import { packBatch } from '../inference/batches.ts'
import { openDevice } from '../inference/devices.ts'
import type { StudyClock } from './clock.ts'
import { loadClassifier } from '../inference/classifier.ts'
import type { Reporter } from '../inference/reporter.ts'
import { timeInTurns } from '../evaluation/timing.ts'
import type { ShapeTime } from '../report/results.ts'

/** Tokens of one text; those above what the models read are left out. */
const LENGTHS = [16, 64, 128, 256, 512]
/** Texts at a time, of the length of a usual text. */
const BATCHES = [1, 8, 32]
const MAX_RUNS = 40
/** The first entries of a vocabulary are special tokens, which a text does not consist of. */
const SPECIAL = 5

export interface ShapesInput {
  rows: { id: string; folder: string }[]
  /** null where the CPU is not measured */
  cpu: Device | null
  /** one that is no emulation */
  hasGpu: boolean
  /** tokens of a usual text */
  typical: number
  /** most tokens of a text */
  maxLength: number
  /** with a piece for the shapes of each device */
  clock: StudyClock
  seed: number
  reporter: Reporter
  signal?: AbortSignal
}

/** Times the rows in turns at each length and each batch, on each device. */
export async function measureShapes(input: ShapesInput): Promise<ShapeTime[]> {
  const { cpu, hasGpu, clock } = input
  if (!hasGpu) clock.done('shapes on the gpu', true)
  const found = cpu ? await shapesOf(input, cpu, 'cpu') : []
  clock.done('shapes on the cpu')
  if (!hasGpu) return found
  const { device } = await openDevice({ device: 'gpu' })
  try {
    return [...found, ...(await shapesOf(input, device, 'gpu'))]
  } finally {
    await device.dispose()
  }
}

async function shapesOf(input: ShapesInput, device: Device, kind: 'cpu' | 'gpu'): Promise<ShapeTime[]> {
  const { rows, typical, clock, seed, reporter, signal } = input
  const seconds = clock.grant(`shapes on the ${kind}`)
  const random = createRandom(seed, 'shapes')
  const opened = await Promise.all(
    rows.map(async ({ id, folder }) => {
      const { weights } = await loadClassifier(folder)
      const { vocabSize: vocabulary, maxPositions } = weights.config
      return { id, vocabulary, maxPositions, session: await device.load(buildProgram(weights, 'logits')) }
    }),
  )
  const maxLength = Math.min(input.maxLength, ...opened.map(({ maxPositions }) => maxPositions))
  const shapes = [
    ...LENGTHS.filter((tokens) => tokens <= maxLength).map((tokens) => ({ tokens, batch: 1 })),
    ...BATCHES.map((batch) => ({ tokens: Math.min(typical, maxLength), batch })),
  ]
  const found: ShapeTime[] = []
  try {
    for (const [i, { tokens, batch }] of shapes.entries()) {
      reporter.progress(i, shapes.length, undefined, `${batch} x ${tokens} tokens`)
      const contenders = opened.map(({ id, vocabulary, session }) => {
        const text = (): Int32Array =>
          Int32Array.from({ length: tokens }, () => SPECIAL + random.int(vocabulary - SPECIAL))
        return { id, session, batch: packBatch(Array.from({ length: batch }, text)) }
      })
      const { times } = await timeInTurns(contenders, { seconds: seconds / shapes.length, maxRuns: MAX_RUNS, signal })
      for (const { id } of opened) {
        const { medianMs, lowMs, highMs, n } = times.get(id)!
        found.push({ id, device: kind, tokens, batch, medianMs, lowMs, highMs, n })
      }
    }
  } finally {
    for (const { session } of opened) session.dispose()
  }
  return found
}
