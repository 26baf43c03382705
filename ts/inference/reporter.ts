// How a long run tells what it does; the command line draws it, a caller may show it elsewhere.

export interface Reporter {
  /** A stage begins: one line. */
  stage(text: string): void
  /** Inside the stage: `done` of `total`, seconds left where known, a word such as the loss. */
  progress(done: number, total: number, secondsLeft?: number, detail?: string): void
  /** Something worth a line by itself. */
  note(text: string): void
  /** The stage is over. */
  done(text?: string): void
}

/** Says nothing. */
export const SILENT: Reporter = { stage: () => {}, progress: () => {}, note: () => {}, done: () => {} }
