// Hub repositories in Node, through @huggingface/hub and its cache (the one that Python's huggingface_hub fills, too).
// Files are asked for by commit, so that all of them come from one state and the second load needs no network.

import type { PathInfo } from '@huggingface/hub'
import { readFile, rename, symlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { download, removeOldPartials } from './download.node.ts'
import {
  MAX_TEXT_BYTES,
  SENTENCE_FILES,
  SENTENCEPIECE_FILES,
  TOKENIZER_FILES,
  type ModelFiles,
  type Progress,
} from './folder.ts'
import { folderFiles, isFolder, isThere, writeWhole } from './folder.node.ts'
import { makeFolder } from './write.node.ts'
import { checkRevision, hubAddress, hubEndpoint, isCommit, isHubId, objectOf } from './hub.ts'
import { INDEX_FILE, shardsOf } from './shards.ts'
import { watchedFetch, type FetchBounds } from './watched-fetch.ts'

export { isHubId }

export interface HubOptions extends FetchBounds {
  revision?: string
  localFilesOnly?: boolean
  progress?: Progress
  /** the cache's folder; HF_HUB_CACHE, HF_HOME or ~/.cache/huggingface if not given */
  cacheDir?: string
  /** of the hub; HF_ENDPOINT or the public one if not given */
  endpoint?: string
  /** for private repositories; HF_TOKEN if not given */
  token?: string
}

const WANTED = [
  'config.json',
  ...TOKENIZER_FILES,
  ...SENTENCEPIECE_FILES,
  ...SENTENCE_FILES,
  'model.safetensors',
  INDEX_FILE,
]
/** Largest part of a model that is taken. */
const MAX_PART_BYTES = 2 ** 40

/**
 * The files of a hub model. What the cache has is not fetched again; with `localFilesOnly` or HF_HUB_OFFLINE=1 nothing
 * is fetched at all. What comes is held against the digest that the hub lists, and only files that were asked for are kept.
 *
 * @throws where the hub cannot be reached and the cache has no such model whole, or the hub gives something else
 */
export async function hubFiles(id: string, options: HubOptions = {}): Promise<ModelFiles> {
  const hub = await import('@huggingface/hub')
  const revision = options.revision ?? 'main'
  checkRevision(revision)
  const cacheDir = options.cacheDir ?? hub.getHFHubCachePath()
  const storage = join(cacheDir, `models--${id.replaceAll('/', '--')}`)
  const isOffline =
    options.localFilesOnly || ['1', 'true', 'yes', 'on'].includes((process.env.HF_HUB_OFFLINE ?? '').toLowerCase())
  const cached = await cachedSnapshot(storage, revision)
  if (isOffline) {
    if (!cached)
      throw new Error(`'${id}' (${revision}) is not in the cache ${cacheDir}, and the network is not to be used`)
    return folderFiles(cached)
  }
  // a commit never changes; a whole one in the cache needs no question
  if (cached && isCommit(revision) && (await isComplete(cached))) return folderFiles(cached)

  const token = options.token ?? process.env.HF_TOKEN
  const common = {
    hubUrl: hubEndpoint(options.endpoint),
    fetch: askWith(options),
    ...(token ? { accessToken: token } : {}),
  }
  let commit: string
  try {
    const info = await hub.modelInfo({ name: id, revision, additionalFields: ['sha'], ...common })
    commit = info.sha
  } catch (error) {
    options.signal?.throwIfAborted()
    if (cached && (await isComplete(cached))) return folderFiles(cached)
    throw new Error(
      `'${id}' (${revision}) is no folder here, and the hub ${common.hubUrl} does not give it: ${(error as Error).message}`,
      { cause: error },
    )
  }
  if (!isCommit(commit))
    throw new Error(`the hub ${common.hubUrl} gave '${commit}' for ${id} ${revision}, expected a commit`)
  const repo = { type: 'model' as const, name: id }
  const list = async (paths: string[]): Promise<PathInfo[]> => {
    const found = await hub.pathsInfo({ repo, paths, revision: commit, ...common })
    for (const { path } of found)
      if (!paths.includes(path))
        throw new Error(`${id}: the hub ${common.hubUrl} names '${path}', which was not asked for`)
    return found
  }
  await removeOldPartials(join(storage, 'blobs'))
  const listed = await list(WANTED)
  const isOneFile = listed.some(({ path }) => path === 'model.safetensors')
  for (const file of listed) if (!isOneFile || file.path !== INDEX_FILE) await take(file)
  if (!isOneFile && listed.some(({ path }) => path === INDEX_FILE)) {
    const index = await readFile(join(storage, 'snapshots', commit, INDEX_FILE), 'utf8')
    for (const file of await list([...shardsOf(index, id)])) await take(file)
  }
  await makeFolder(join(storage, 'refs'))
  if (!isCommit(revision)) await writeWhole(join(storage, 'refs', revision), [commit])
  return folderFiles(join(storage, 'snapshots', commit))

  /** Puts a file's content into `blobs` and a link to it into the snapshot, as the hub's clients lay their caches out. */
  async function take(info: PathInfo): Promise<void> {
    const { path: file, size: total } = info
    const place = join(storage, 'snapshots', commit, file)
    const most = /\.(safetensors|model)$/.test(file) ? MAX_PART_BYTES : MAX_TEXT_BYTES
    if (!Number.isSafeInteger(total) || total < 0 || total > most)
      throw new Error(`${id}: the hub ${common.hubUrl} gives ${file} ${total} bytes, expected at most ${most}`)
    const object = objectOf(info, `${id}: the hub ${common.hubUrl}`)
    if (await isThere(place)) return
    options.progress?.({ status: 'initiate', file })
    const stored = join(storage, 'blobs', object.hex)
    try {
      if (!(await isThere(stored)))
        await download({
          address: `${hubAddress(id, commit, options.endpoint)}${file}`,
          headers: token ? { authorization: `Bearer ${token}` } : {},
          place: stored,
          size: total,
          object,
          progress: (loaded) =>
            options.progress?.({
              status: 'progress',
              file,
              loaded,
              total,
              progress: total ? (100 * loaded) / total : undefined,
            }),
          signal: options.signal,
          silenceMs: options.silenceMs,
        })
      await makeFolder(dirname(place))
      await link(stored, place)
    } catch (error) {
      options.signal?.throwIfAborted()
      throw new Error(`${id}: ${file} could not be fetched from ${common.hubUrl}: ${(error as Error).message}`, {
        cause: error,
      })
    }
    options.progress?.({ status: 'done', file, loaded: total, total, progress: 100 })
  }
}

/** fetch for the hub's client: its answers are bounded in time and size. */
const askWith =
  (bounds: FetchBounds): typeof fetch =>
  async (input, init) => {
    const address = input instanceof Request ? input.url : String(input)
    const { response, pieces } = await watchedFetch(address, { ...init }, bounds)
    const body: Uint8Array<ArrayBuffer>[] = []
    for await (const piece of pieces(MAX_TEXT_BYTES)) body.push(piece)
    const { status, statusText, headers } = response
    const isEmpty = status === 204 || status === 304
    // the body is decoded by now
    const kept = new Headers([...headers].filter(([name]) => !/^content-(encoding|length)$/.test(name)))
    return new Response(isEmpty ? null : new Blob(body), { status, statusText, headers: kept })
  }

/** A symbolic link where the system allows it, else the file itself. Another call that was faster linked the same content. */
async function link(stored: string, place: string): Promise<void> {
  await symlink(relative(dirname(place), stored), place).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EPERM') return rename(stored, place)
    if (error.code !== 'EEXIST') throw error
  })
}

/** The snapshot folder of a revision in the cache, if any. */
async function cachedSnapshot(storage: string, revision: string): Promise<string | null> {
  let commit = revision
  if (!isCommit(revision))
    try {
      commit = (await readFile(join(storage, 'refs', revision), 'utf8')).trim()
    } catch {
      return null
    }
  const folder = join(storage, 'snapshots', commit)
  return (await isFolder(folder)) ? folder : null
}

/** Whether all of a model is there: a download may have been cut. */
async function isComplete(folder: string): Promise<boolean> {
  const has = (name: string): Promise<boolean> => isThere(join(folder, name))
  if (!(await has('config.json'))) return false
  const tokenizers = await Promise.all(['tokenizer.json', 'vocab.txt', 'vocab.json', ...SENTENCEPIECE_FILES].map(has))
  if (!tokenizers.includes(true)) return false
  if (await has('model.safetensors')) return true
  const index = await readFile(join(folder, INDEX_FILE), 'utf8').catch(() => null)
  if (index === null) return false
  for (const shard of shardsOf(index, folder)) if (!(await has(shard))) return false
  return true
}
