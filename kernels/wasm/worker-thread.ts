// What a worker thread can do and say, in every engine.

export type WorkerMessage = 'ready' | { trap: string; record: number } | { failure: string }

/** A running worker, whatever the engine. */
export interface WorkerThread {
  post(message: unknown): void
  /** keeps the process alive (Node) while an answer is awaited */
  hold(isHeld: boolean): void
  terminate(): Promise<void>
}

export interface WorkerEvents {
  message: (message: WorkerMessage) => void
  /** the worker is gone, or about to be */
  death: (reason: string) => void
}
