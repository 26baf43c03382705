import { Stopped } from '../inference/stopped.ts'

/**
 * Calls `work` with a signal that the first Ctrl-C or SIGTERM gives; the second ends the process at once.
 * @param words what is said at the first, before "Ctrl-C again ends at once"
 */
export async function interruptible<T>(words: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController()
  const onInterrupt = (): void => {
    process.stderr.write(`\n${words}; Ctrl-C again ends at once\n`)
    stop.abort(new Stopped())
  }
  process.once('SIGINT', onInterrupt)
  process.once('SIGTERM', onInterrupt)
  try {
    return await work(stop.signal)
  } finally {
    process.removeListener('SIGINT', onInterrupt)
    process.removeListener('SIGTERM', onInterrupt)
  }
}
