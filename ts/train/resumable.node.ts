// Training that can be stopped: a checkpoint beside the model's folder, and how to go on with it.

import { rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isThere } from '../io/folder.node.ts'
import { takeLock } from '../io/lock.node.ts'
import { makeRunFolder } from '../io/write.node.ts'
import type { Reporter } from '../inference/reporter.ts'
import { Stopped } from '../inference/stopped.ts'
import { readCheckpoint, removeCheckpoint, writeCheckpoint } from './checkpoint.node.ts'
import type { TrainOptions } from './options.ts'

const CHECKPOINT_SECONDS = 60

/** Where a run keeps what another call may use: checkpoint, teacher's logits. */
export const trainingFolder = (out: string): string => `${out.replace(/[/\\]+$/, '')}.training`

/**
 * Calls `work` with checkpoints. The checkpoint goes when `work` is done, so `work` is all that must not be lost: saving
 * what was trained too.
 * @throws Stopped where a signal has stopped it; its message says after which step, and how to go on. Locked where another
 *   run writes to the same place: one would end with the other's checkpoint
 */
export async function resumable<T>(
  given: { out: string; resume?: boolean },
  reporter: Reporter,
  work: (options: Pick<TrainOptions, 'checkpoint' | 'resume'>) => Promise<T>,
): Promise<T> {
  const folder = trainingFolder(given.out)
  await makeRunFolder(folder)
  const unlock = await takeLock(join(folder, 'lock'), false)
  try {
    return await unlocked(given, reporter, work)
  } finally {
    await unlock()
    // the teacher's logits stay, for a run with other options
    await rmdir(folder).catch(() => {})
  }
}

async function unlocked<T>(
  { out, resume }: { out: string; resume?: boolean },
  reporter: Reporter,
  work: (options: Pick<TrainOptions, 'checkpoint' | 'resume'>) => Promise<T>,
): Promise<T> {
  const path = join(trainingFolder(out), 'checkpoint')
  const found = resume ? await readCheckpoint(path) : null
  const state = found?.state
  if (found?.note) reporter.note(found.note)
  if (state) reporter.note(`${path}: going on after step ${state.step}`)
  else if (resume) reporter.note(`there is no checkpoint ${path}: training starts from the beginning`)
  else if (await isThere(path))
    reporter.note(
      `${path} of an earlier run will be replaced; stop now and give the option resume to go on with that one`,
    )
  let saved = state?.step ?? -1
  try {
    const done = await work({
      ...(state && { resume: state }),
      checkpoint: {
        seconds: CHECKPOINT_SECONDS,
        save: async (at) => {
          await writeCheckpoint(path, at)
          saved = at.step
        },
      },
    })
    await removeCheckpoint(path)
    return done
  } catch (error) {
    if (!(error instanceof Stopped)) throw error
    throw new Stopped(
      saved < 0
        ? 'stopped before the first step; nothing was written'
        : `stopped after step ${saved}; run it again with the option resume to go on`,
    )
  }
}
