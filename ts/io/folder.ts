// A model's files, wherever they lie: a folder on disk (folder.node.ts), an address, a hub repository, or memory.

import type { KeptFiles } from './kept-files.ts'
import { piecesSource } from './pieces.ts'
import { isPointer, memorySource, pointerError, type ByteSource } from './safetensors.ts'
import { watchedFetch, type FetchBounds, type WatchedResponse } from './watched-fetch.ts'

export interface ProgressEvent {
  status: 'initiate' | 'download' | 'progress' | 'done' | 'ready'
  /** file name inside the model folder; the model itself in 'ready' */
  file: string
  /** bytes so far, bytes in all, percent */
  loaded?: number
  total?: number
  progress?: number
}

export type Progress = (event: ProgressEvent) => void

export interface ModelFiles {
  /** for messages */
  where: string
  /** null where there is no such file */
  text(name: string): Promise<string | null>
  open(name: string): Promise<ByteSource | null>
  /** names of all files, where they can be listed without fetching them */
  list?(): Promise<string[]>
}

export const TOKENIZER_FILES = [
  'tokenizer.json',
  'vocab.txt',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
] as const

/** Tokenizers that are no text. */
export const SENTENCEPIECE_FILES = ['sentencepiece.bpe.model', 'spiece.model'] as const

/** sentence_bert_config.json as older releases of sentence-transformers name it. */
export const OLDER_SENTENCE_FILES = ['roberta', 'distilbert', 'albert', 'camembert', 'xlm-roberta', 'mpnet'].map(
  (name) => `sentence_${name}_config.json`,
)

/** What sentence-transformers writes beside a model. */
export const SENTENCE_FILES = [
  'modules.json',
  'sentence_bert_config.json',
  'config_sentence_transformers.json',
  '1_Pooling/config.json',
] as const

/** Whether a file of a folder is one of a model's: configuration, tokenizer, weights in one part or several. */
export const isModelFile = (name: string): boolean =>
  name === 'config.json' ||
  ([...TOKENIZER_FILES, ...SENTENCEPIECE_FILES, ...SENTENCE_FILES] as readonly string[]).includes(name) ||
  /^model.*\.safetensors(\.index\.json)?$/.test(name)

/**
 * The text of a file.
 * @throws where it is a Git LFS pointer in place of the file
 */
export function checkedText(text: string, where: string): string {
  if (isPointer(text)) throw pointerError(where)
  return text
}

/** JSON, vocabularies: bounded before they are read. */
export const MAX_TEXT_BYTES = 64_000_000

/** Files that are in memory: name -> text or bytes. For tests and for callers who fetch by themselves. */
export function memoryFiles(
  files: Record<string, string | ArrayBuffer | Uint8Array<ArrayBuffer>>,
  where = 'memory',
): ModelFiles {
  return {
    where,
    text: async (name) => {
      const file = Object.hasOwn(files, name) ? files[name] : null
      if (file === null) return null
      return checkedText(typeof file === 'string' ? file : new TextDecoder().decode(file), `${where}/${name}`)
    },
    open: async (name) => {
      const file = Object.hasOwn(files, name) ? files[name] : null
      if (file === null) return null
      return memorySource(typeof file === 'string' ? new TextEncoder().encode(file) : file, `${where}/${name}`)
    },
  }
}

/** Looks at what a file holds while it comes. */
export interface ContentCheck {
  update(piece: Uint8Array): void
  /** @throws where it is not what it must be */
  end(): void
}

export interface FetchedFilesOptions extends FetchBounds {
  progress?: Progress
  /** only what is kept already */
  localFilesOnly?: boolean
  /** keep what was fetched */
  cache?: boolean
  /** the files under this address never change: what is kept is taken without a question */
  isFixed?: boolean
  /** where files are kept; the browser's Cache Storage if not given */
  kept?: () => Promise<KeptFiles | null>
  /** sent with every request */
  headers?: Record<string, string>
  /** what a file must be that is not kept; null where there is none */
  checkOf?: (name: string) => Promise<ContentCheck | null>
}

/** Without a content-length, more than this is refused: a server may send without end. */
const MAX_UNDECLARED_BYTES = 2 ** 31

/** Files under an address, by fetch; a missing file is a 404. */
export function fetchedFiles(base: string, options: FetchedFilesOptions = {}): ModelFiles {
  const root = base.endsWith('/') ? base : `${base}/`
  const { progress, headers = {}, signal, silenceMs } = options
  const bounds = { signal, silenceMs }
  const get = async (name: string, isText: boolean): Promise<Uint8Array<ArrayBuffer>[] | null> => {
    const address = `${root}${name}`
    const keeping = options.cache ? await loadKeeping() : null
    const kept = keeping && (await (options.kept ?? keeping.keptByBrowser)())
    const found = await kept?.match(address)
    if (!found && options.localFilesOnly) {
      // what a repository does not have is not kept either; every model has this one
      if (name !== 'config.json') return null
      throw new Error(
        `${address} is not in the ${options.kept ? '' : "browser's "}cache, and only local files are allowed`,
      )
    }
    progress?.({ status: 'initiate', file: name })
    const isTaken =
      found &&
      (options.localFilesOnly || options.isFixed || (await keeping!.isCurrent(address, found, headers, bounds)))
    const check = isTaken ? undefined : await options.checkOf?.(name)
    if (check === null) return null
    const { response, pieces } = isTaken ? ofKept(found) : await watchedFetch(address, { headers }, bounds)
    // servers of one page answer with it whatever is asked for
    if (response.status === 404 || isPage(response)) return null
    if (!response.ok) throw new Error(`${address} could not be fetched: HTTP ${response.status} ${response.statusText}`)
    const body = await readBody(response, pieces, { address, file: name, isText, progress, check })
    if (!isTaken && kept) {
      const blob = new Blob(body)
      // a full cache is no reason to refuse what has come
      await kept
        .put(address, new Response(blob, { headers: keeping.headersToKeep(response, blob.size) }))
        .catch(() => {})
    }
    return body
  }
  return {
    where: root,
    text: async (name) => {
      const pieces = await get(name, true)
      return pieces && checkedText(await new Blob(pieces).text(), `${root}${name}`)
    },
    open: async (name) => {
      const pieces = await get(name, false)
      return pieces && piecesSource(pieces, `${root}${name}`)
    },
  }
}

async function loadKeeping() {
  const { headersToKeep, isCurrent, keptByBrowser } = await import('./kept-files.ts')
  return { headersToKeep, isCurrent, keptByBrowser }
}

const ofKept = (response: Response): WatchedResponse => ({
  response,
  pieces: async function* () {
    const reader = response.body?.getReader()
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined }
      if (done) return
      yield value
    }
  },
})

const isPage = ({ headers }: Response): boolean => (headers.get('content-type') ?? '').startsWith('text/html')

/** The body in the pieces in which it comes. */
async function readBody(
  response: Response,
  pieces: WatchedResponse['pieces'],
  {
    address,
    file,
    isText,
    progress,
    check,
  }: { address: string; file: string; isText: boolean; progress?: Progress; check?: ContentCheck },
): Promise<Uint8Array<ArrayBuffer>[]> {
  progress?.({ status: 'download', file })
  // with a content-encoding, which another origin may not tell, content-length counts the compressed bytes
  const declared = response.headers.get('content-encoding') ? 0 : Number(response.headers.get('content-length') ?? 0)
  const most = isText ? MAX_TEXT_BYTES : Math.max(declared, MAX_UNDECLARED_BYTES)
  if (declared > most) throw new Error(`${address} has ${declared} bytes, expected at most ${most}`)
  const body: Uint8Array<ArrayBuffer>[] = []
  let loaded = 0
  for await (const piece of pieces(most)) {
    body.push(piece)
    check?.update(piece)
    loaded += piece.length
    const total = declared >= loaded ? declared : undefined
    progress?.({ status: 'progress', file, loaded, total, progress: total && (100 * loaded) / total })
  }
  if (loaded < declared) throw new Error(`${address} ended after ${loaded} of ${declared} bytes; try again`)
  check?.end()
  progress?.({ status: 'done', file, loaded, total: loaded, progress: 100 })
  return body
}
