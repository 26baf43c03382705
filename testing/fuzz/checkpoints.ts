// Mutated checkpoints: those of now are refused whatever was changed, those without a checksum are refused or go on to an end.

import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRandom } from '../../kernels/program/random.ts'
import { readCheckpoint, writeCheckpoint } from '../../ts/train/checkpoint.node.ts'
import { initializeModel } from '../../ts/train/initialize.ts'
import { trainClassifier } from '../../ts/train/loop.ts'
import type { TrainState } from '../../ts/train/state.ts'
import { toy, TOY } from '../toy-task.ts'
import { mutateBytes } from './mutate.ts'
import { Fault, runCases, type FuzzReport, type Outcome } from './report.ts'

/** A state that is taken trains on, which costs more than reading it. */
const MOST_SECONDS = 20

export async function fuzzCheckpoints(
  cases: number,
  seed: number,
  progress?: (done: number) => void,
): Promise<FuzzReport> {
  const folder = await mkdtemp(join(tmpdir(), 'fuzz-checkpoints-'))
  const path = join(folder, 'checkpoint')
  const [model, examples, options] = [initializeModel(TOY, 1), toy(16, 1), { steps: 3, batch: 4, seed: 3, threads: 1 }]
  const states: TrainState[] = []
  await trainClassifier(model, examples, {
    ...options,
    checkpoint: { steps: 2, save: (state) => void states.push(state) },
  })
  // the time that training took would give other bytes to each run of a seed
  await writeCheckpoint(path, { ...states[0], seconds: 1 })
  const whole = new Uint8Array(readFileSync(path))
  // as version 0.1 wrote it: another first line, and no digest at the end
  const older = whole.slice(0, whole.length - 32)
  older[7] = '1'.charCodeAt(0)
  try {
    return await runCases(
      cases,
      seed,
      async (index): Promise<Outcome> => {
        const random = createRandom(seed, `checkpoint ${index}`)
        const isOlder = random.int(2) === 0
        const from = isOlder ? older : whole
        const changed = mutateBytes(from, random, random.int(2) ? 2000 : undefined)
        await writeFile(path, changed)
        const found = await readCheckpoint(path)
        if (!found || Buffer.compare(changed, from) === 0) return 'taken'
        if (!isOlder) throw new Fault('damaged, and its checksum right')
        const signal = AbortSignal.timeout(MOST_SECONDS * 1000)
        const { steps } = await trainClassifier(model, examples, { ...options, resume: found.state, signal })
        if (steps !== options.steps) throw new Fault(`trained ${steps} steps of ${options.steps}`)
        return 'taken'
      },
      progress,
    )
  } finally {
    await rm(folder, { recursive: true })
  }
}
