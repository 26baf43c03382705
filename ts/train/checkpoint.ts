// A training run's checkpoint in a file.

import type { TrainState } from './state.ts'

export interface CheckpointFile {
  /** what the file held when it was opened: for `resume`; null where there was none */
  state: TrainState | null
  /** what to know of that file: of version 0.1, it has no checksum; else null */
  note: string | null
  /** puts a state in the place of the last, for `checkpoint` */
  save(state: TrainState): Promise<void>
  /** a run that is finished needs it no longer */
  remove(): Promise<void>
}

/**
 * Opens a checkpoint's file, Node only. The file is replaced as a whole: an interruption while it is written leaves the
 * last one.
 *
 * @throws where there is a file that is no checkpoint, or is damaged
 * @example
 * const file = await openCheckpoint('run.checkpoint')
 * const { save } = file
 * await trainClassifier(model, examples, { checkpoint: { seconds: 60, save }, ...(file.state && { resume: file.state }) })
 * await file.remove()
 */
export async function openCheckpoint(path: string): Promise<CheckpointFile> {
  const { readCheckpoint, removeCheckpoint, writeCheckpoint } = await import('./checkpoint.node.ts')
  const found = await readCheckpoint(path)
  return {
    state: found?.state ?? null,
    note: found?.note ?? null,
    save: (state) => writeCheckpoint(path, state),
    remove: () => removeCheckpoint(path),
  }
}
