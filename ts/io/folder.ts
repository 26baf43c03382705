// A model's files, wherever they lie: a folder on disk (folder.node.ts), an address, a hub repository, or memory.

import { piecesSource } from './pieces.ts'
import { isPointer, memorySource, pointerError, type ByteSource } from './safetensors.ts'

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

export interface FetchedFilesOptions {
  progress?: Progress
  /** only what the browser's cache holds already */
  localFilesOnly?: boolean
  /** keep what was fetched in the browser's Cache Storage, where there is one */
  cache?: boolean
}

const CACHE_NAME = 'compact-kernels'

/** Files under an address, by fetch; a missing file is a 404. */
export function fetchedFiles(base: string, options: FetchedFilesOptions = {}): ModelFiles {
  const root = base.endsWith('/') ? base : `${base}/`
  const get = async (name: string): Promise<Uint8Array<ArrayBuffer>[] | null> => {
    const address = `${root}${name}`
    const cache = options.cache && typeof caches !== 'undefined' ? await openCache() : null
    const cached = await cache?.match(address)
    if (!cached && options.localFilesOnly) {
      // what a repository does not have is not in the cache either; every model has this one
      if (name !== 'config.json') return null
      throw new Error(`${address} is not in the browser's cache, and only local files are allowed`)
    }
    options.progress?.({ status: 'initiate', file: name })
    let response = cached
    if (!response) {
      try {
        response = await fetch(address)
      } catch (error) {
        throw new Error(`${address} could not be fetched: ${(error as Error).message}`, { cause: error })
      }
    }
    // servers of one page answer with it whatever is asked for
    if (response.status === 404 || isPage(response)) return null
    if (!response.ok) throw new Error(`${address} could not be fetched: HTTP ${response.status} ${response.statusText}`)
    const pieces = await readBody(response, address, name, options.progress)
    if (!cached) {
      const blob = new Blob(pieces)
      const kept = new Response(blob, { headers: { 'content-length': String(blob.size) } })
      // a full cache is no reason to refuse what has come
      await cache?.put(address, kept).catch(() => {})
    }
    return pieces
  }
  return {
    where: root,
    text: async (name) => {
      const pieces = await get(name)
      return pieces && checkedText(await new Blob(pieces).text(), `${root}${name}`)
    },
    open: async (name) => {
      const pieces = await get(name)
      return pieces && piecesSource(pieces, `${root}${name}`)
    },
  }
}

/** null where the browser keeps nothing for this page. */
const openCache = (): Promise<Cache | null> => caches.open(CACHE_NAME).catch(() => null)

const isPage = ({ headers }: Response): boolean => (headers.get('content-type') ?? '').startsWith('text/html')

/** The body in the pieces in which it comes. */
async function readBody(
  response: Response,
  address: string,
  file: string,
  progress?: Progress,
): Promise<Uint8Array<ArrayBuffer>[]> {
  progress?.({ status: 'download', file })
  // with a content-encoding, which another origin may not tell, content-length counts the compressed bytes
  const declared = response.headers.get('content-encoding') ? 0 : Number(response.headers.get('content-length') ?? 0)
  const pieces: Uint8Array<ArrayBuffer>[] = []
  let loaded = 0
  const reader = response.body?.getReader()
  while (reader) {
    const { done, value } = await reader.read()
    if (done) break
    pieces.push(value)
    loaded += value.length
    const total = declared >= loaded ? declared : undefined
    progress?.({ status: 'progress', file, loaded, total, progress: total && (100 * loaded) / total })
  }
  if (loaded < declared) throw new Error(`${address} ended after ${loaded} of ${declared} bytes; try again`)
  progress?.({ status: 'done', file, loaded, total: loaded, progress: 100 })
  return pieces
}
