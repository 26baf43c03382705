// What was fetched and is kept: in a page's Cache Storage, in Node in a folder (kept-files.node.ts). A file that may
// change on its server is asked for by HEAD, which needs no leave of other origins, before it is taken.

import { watchedFetch, type FetchBounds } from './watched-fetch.ts'

export interface KeptFiles {
  match(address: string): Promise<Response | undefined>
  put(address: string, response: Response): Promise<void>
}

const CACHE_NAME = 'compact-kernels'

/** Of this page; null where the browser keeps nothing for it. */
export const keptByBrowser = (): Promise<KeptFiles | null> =>
  typeof caches === 'undefined' ? Promise.resolve(null) : caches.open(CACHE_NAME).catch(() => null)

/** Headers that tell one state of a file from another, best first. */
const VALIDATORS = ['etag', 'last-modified']

/** What is kept of an answer beside its body. */
export function headersToKeep({ headers }: Response, bytes: number): Record<string, string> {
  const kept: Record<string, string> = { 'content-length': String(bytes) }
  for (const name of VALIDATORS) {
    const value = headers.get(name)
    if (value) kept[name] = value
  }
  return kept
}

/** Whether a server still has what is kept; true too where it cannot be reached. */
export async function isCurrent(
  address: string,
  kept: Response,
  headers: Record<string, string>,
  bounds: FetchBounds,
): Promise<boolean> {
  const name = VALIDATORS.find((validator) => kept.headers.has(validator))
  if (!name) return false
  try {
    const { response } = await watchedFetch(address, { method: 'HEAD', headers, cache: 'no-cache' }, bounds)
    return response.ok && response.headers.get(name) === kept.headers.get(name)
  } catch {
    bounds.signal?.throwIfAborted()
    return true
  }
}
