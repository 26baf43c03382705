// Hub repositories in a page: what is fetched is held to the digests that the hub lists, as in Node (hub.node.ts).

import { sha1 } from '@noble/hashes/legacy.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { fetchedFiles, MAX_TEXT_BYTES, type ContentCheck, type ModelFiles, type Progress } from './folder.ts'
import { hubAddress, hubEndpoint, isCommit, objectOf, type ListedFile } from './hub.ts'
import type { KeptFiles } from './kept-files.ts'
import { watchedFetch, type FetchBounds } from './watched-fetch.ts'

export interface HubPageOptions extends FetchBounds {
  revision?: string
  endpoint?: string
  token?: string
  progress?: Progress
  localFilesOnly?: boolean
  /** where files are kept; the browser's Cache Storage if not given */
  kept?: () => Promise<KeptFiles | null>
}

/** A hub lists a thousand files a page. */
const MOST_PAGES = 20

/** The files of a hub model. The hub is asked for its list where a file is fetched; what is kept is taken without it. */
export function hubPageFiles(id: string, options: HubPageOptions = {}): ModelFiles {
  const { revision = 'main', endpoint, token, ...others } = options
  const base = hubAddress(id, revision, endpoint)
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {}
  let listing: Promise<Map<string, ListedFile>> | undefined
  const checkOf = async (name: string): Promise<ContentCheck | null> => {
    const file = (await (listing ??= list(id, revision, endpoint, headers, others))).get(name)
    return file ? checkFor(file, `${id}: the hub ${hubEndpoint(endpoint)}`) : null
  }
  return fetchedFiles(base, { ...others, headers, checkOf, cache: true, isFixed: isCommit(revision) })
}

/** In pieces: a page's own crypto.subtle takes a content whole, and is missing outside of secure contexts. */
function checkFor(file: ListedFile, who: string): ContentCheck {
  const { algorithm, hex } = objectOf(file, who)
  const digest = (algorithm === 'sha256' ? sha256 : sha1).create()
  if (algorithm === 'sha1') digest.update(new TextEncoder().encode(`blob ${file.size}\0`))
  return {
    update: (piece) => void digest.update(piece),
    end: () => {
      const found = Array.from(digest.digest(), (byte) => byte.toString(16).padStart(2, '0')).join('')
      if (found !== hex)
        throw new Error(
          `${who} sent ${file.path} with ${algorithm} ${found}, expected ${hex}; it was not kept: try again`,
        )
    },
  }
}

/** @throws where the hub gives no list, or one that is none */
async function list(
  id: string,
  revision: string,
  endpoint: string | undefined,
  headers: Record<string, string>,
  bounds: FetchBounds,
): Promise<Map<string, ListedFile>> {
  const hub = hubEndpoint(endpoint)
  const files = new Map<string, ListedFile>()
  let address = `${hub}/api/models/${id}/tree/${encodeURIComponent(revision)}?recursive=true`
  for (let page = 0; page < MOST_PAGES; page++) {
    const { response, pieces } = await watchedFetch(address, { headers }, bounds)
    if (!response.ok)
      throw new Error(
        `'${id}' (${revision}): the hub ${hub} does not list it: HTTP ${response.status} ${response.statusText}; a private or gated one needs a token that may read it`,
      )
    const body: Uint8Array<ArrayBuffer>[] = []
    for await (const piece of pieces(MAX_TEXT_BYTES)) body.push(piece)
    for (const file of entriesOf(await new Blob(body).text(), `the list of ${id} on ${hub}`)) files.set(file.path, file)
    const next = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get('link') ?? '')?.[1]
    if (!next) return files
    // the token goes to no other host
    if (new URL(next, address).origin !== new URL(address).origin)
      throw new Error(`the hub ${hub} continues its list of ${id} at ${next}, on another host`)
    address = new URL(next, address).href
  }
  throw new Error(`the hub ${hub} lists more than ${MOST_PAGES} pages of files of ${id}`)
}

function entriesOf(text: string, where: string): ListedFile[] {
  let entries: unknown
  try {
    entries = JSON.parse(text)
  } catch (error) {
    throw new Error(`${where} is no JSON: ${(error as Error).message}`, { cause: error })
  }
  if (!Array.isArray(entries)) throw new Error(`${where} is no array`)
  return (entries as Partial<ListedFile & { type: string }>[]).filter(
    (entry): entry is ListedFile & { type: string } => entry?.type === 'file' && typeof entry.path === 'string',
  )
}
