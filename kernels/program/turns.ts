// Long work on a thread that has other work: a page that scrolls, a server that answers.

/** Work that lasts longer than this without a turn is felt. */
const TURN_MS = 12

interface Engine {
  setImmediate?: (run: () => void) => unknown
}

/** Resolves after what else the thread has to do. */
function nextTurn(): Promise<void> {
  const engine = globalThis as unknown as Engine
  if (engine.setImmediate) return new Promise((resolve) => void engine.setImmediate!(resolve))
  // timers of pages wait for 4 ms; scheduler.yield comes back before the messages that may end this work
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(null)
  })
}

/**
 * For loops of long work: the returned function gives the thread a turn where the last one is some milliseconds ago.
 * @param signal whose reason is thrown at a turn once it is aborted
 */
export function turns(signal?: AbortSignal): () => Promise<void> {
  let last = performance.now()
  return async () => {
    if (performance.now() - last >= TURN_MS) {
      await nextTurn()
      last = performance.now()
    }
    signal?.throwIfAborted()
  }
}
