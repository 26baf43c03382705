// fetch with bounds: a server that falls silent, sends more than it may, or is no longer wanted.

/** Silence after which a server counts as gone. */
const SILENCE_MS = 30_000

export interface FetchBounds {
  /** ends the request, and what is read of its answer */
  signal?: AbortSignal
  /** longest silence of the server, 30 s if not given */
  silenceMs?: number
}

export interface WatchedResponse {
  response: Response
  /** the body as it comes, at most `maxBytes` of it */
  pieces(maxBytes: number): AsyncGenerator<Uint8Array<ArrayBuffer>>
}

/**
 * Fetches an address.
 * @throws the signal's reason where it is aborted; a sentence with the address where it cannot be reached or is silent
 */
export async function watchedFetch(
  address: string,
  init: RequestInit = {},
  { signal, silenceMs = SILENCE_MS }: FetchBounds = {},
): Promise<WatchedResponse> {
  const control = new AbortController()
  let isSilent = false
  const silence = (): void => {
    isSilent = true
    control.abort()
  }
  let timer: ReturnType<typeof setTimeout> | undefined
  /** Waits for what the server does next, no longer than it may be silent. */
  const heard = async <T>(work: Promise<T>): Promise<T> => {
    timer = setTimeout(silence, silenceMs)
    try {
      return await work
    } catch (error) {
      signal?.throwIfAborted()
      const why = isSilent ? `the server was silent for ${silenceMs / 1000} s` : causeOf(error)
      throw new Error(`${address} could not be fetched: ${why}; try again`, { cause: error })
    } finally {
      clearTimeout(timer)
    }
  }
  signal?.throwIfAborted()
  const stop = (): void => control.abort()
  signal?.addEventListener('abort', stop)
  const free = (): void => signal?.removeEventListener('abort', stop)
  const response = await heard(fetch(address, { ...init, signal: control.signal })).catch((error: unknown) => {
    free()
    throw error
  })
  return {
    response,
    pieces: async function* (maxBytes) {
      const reader = response.body?.getReader()
      try {
        for (let bytes = 0; reader;) {
          const { done, value } = await heard(reader.read())
          if (done) break
          bytes += value.length
          if (bytes > maxBytes) throw new Error(`${address} sends more than ${maxBytes} bytes, which is refused`)
          yield value
        }
      } finally {
        free()
        control.abort()
      }
    },
  }
}

/** What fetch hides behind 'fetch failed'. */
function causeOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error && cause.message ? cause.message : message
}
