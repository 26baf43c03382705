// Hub repositories in Node, through @huggingface/hub and its cache (the one that Python's huggingface_hub fills, too).
// Files are asked for by commit, so that all of them come from one state and the second load needs no network.

import { randomUUID } from 'node:crypto'
import { mkdir, readFile, readlink, rename, rm, stat, symlink } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { TOKENIZER_FILES, type ModelFiles, type Progress } from './folder.ts'
import { folderFiles, isFolder, isThere, writeWhole } from './folder.node.ts'
import { hubEndpoint, isHubId } from './hub.ts'

export { isHubId }

export interface HubOptions {
  revision?: string
  localFilesOnly?: boolean
  progress?: Progress
  /** the cache's folder; HF_HUB_CACHE, HF_HOME or ~/.cache/huggingface if not given */
  cacheDir?: string
}

const WANTED = ['config.json', ...TOKENIZER_FILES, 'model.safetensors', 'model.safetensors.index.json']
const COMMIT = /^[0-9a-f]{40}$/

/**
 * The files of a hub model. What the cache has is not fetched again; with `localFilesOnly` or HF_HUB_OFFLINE=1 nothing
 * is fetched at all. HF_TOKEN opens private repositories.
 *
 * @throws where the hub cannot be reached and the cache has no such model whole
 */
export async function hubFiles(id: string, options: HubOptions = {}): Promise<ModelFiles> {
  const hub = await import('@huggingface/hub')
  const revision = options.revision ?? 'main'
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
  if (cached && COMMIT.test(revision) && (await isComplete(cached))) return folderFiles(cached)

  const common = {
    hubUrl: hubEndpoint(),
    ...(process.env.HF_TOKEN ? { accessToken: process.env.HF_TOKEN } : {}),
  }
  let commit: string
  try {
    const info = await hub.modelInfo({ name: id, revision, additionalFields: ['sha'], ...common })
    commit = info.sha
  } catch (error) {
    if (cached && (await isComplete(cached))) return folderFiles(cached)
    throw new Error(
      `'${id}' (${revision}) is no folder here, and the hub ${common.hubUrl} does not give it: ${(error as Error).message}`,
      { cause: error },
    )
  }
  if (!COMMIT.test(commit))
    throw new Error(`the hub ${common.hubUrl} gave '${commit}' for ${id} ${revision}, expected a commit`)
  const repo = { type: 'model' as const, name: id }
  const listed = await hub.pathsInfo({ repo, paths: WANTED, revision: commit, ...common })
  const sizes = new Map(listed.map((file) => [file.path, file.size]))
  if (sizes.has('model.safetensors')) sizes.delete('model.safetensors.index.json')
  for (const [file, total] of sizes) await download(file, total)
  const index = sizes.has('model.safetensors.index.json')
    ? await readFile(join(storage, 'snapshots', commit, 'model.safetensors.index.json'), 'utf8')
    : null
  if (index) for (const file of shardsOf(index)) await download(file, 0)
  await mkdir(join(storage, 'refs'), { recursive: true })
  if (!COMMIT.test(revision)) await writeWhole(join(storage, 'refs', revision), [commit])
  return folderFiles(join(storage, 'snapshots', commit))

  /**
   * Two processes, or two calls, may fetch one file: each fetches into a folder of its own, and what has come whole is
   * put into its place.
   */
  async function download(file: string, total: number): Promise<void> {
    const place = join(storage, 'snapshots', commit, file)
    if (await isThere(place)) return
    options.progress?.({ status: 'initiate', file })
    let loaded = 0
    const count = (bytes: number) => {
      loaded += bytes
      options.progress?.({
        status: 'progress',
        file,
        loaded,
        total,
        progress: total ? (100 * loaded) / total : undefined,
      })
    }
    const incoming = join(storage, 'incoming', randomUUID())
    try {
      const link = await silently(() =>
        hub.downloadFileToCacheDir({
          repo,
          path: file,
          revision: commit,
          cacheDir: incoming,
          fetch: counted(count),
          ...common,
        }),
      )
      const { size } = await stat(link)
      if (total && size !== total) throw new Error(`${size} bytes came, expected ${total}`)
      await putInPlace(link, join(storage, 'blobs'), place)
    } catch (error) {
      throw new Error(`${id}: ${file} could not be fetched from ${common.hubUrl}: ${(error as Error).message}`, {
        cause: error,
      })
    } finally {
      await rm(incoming, { recursive: true, force: true })
    }
    options.progress?.({ status: 'done', file, loaded: total || loaded, total: total || loaded, progress: 100 })
  }
}

let silent = 0
let spoken: typeof console.debug

/** The hub's client speaks on standard output, which belongs to the caller; calls may overlap. */
async function silently<T>(work: () => Promise<T>): Promise<T> {
  if (silent++ === 0) {
    spoken = console.debug
    console.debug = () => {}
  }
  try {
    return await work()
  } finally {
    if (--silent === 0) console.debug = spoken
  }
}

/** Moves the file behind `link` into `blobs` and links to it from `place`, as the hub's clients lay their caches out. */
async function putInPlace(link: string, blobs: string, place: string): Promise<void> {
  const target = await readlink(link).catch(() => null)
  const blob = join(blobs, basename(target ?? link))
  await mkdir(dirname(place), { recursive: true })
  if (target === null) return rename(link, place)
  await mkdir(blobs, { recursive: true })
  await rename(resolve(dirname(link), target), blob)
  await symlink(relative(dirname(place), blob), place).catch((error: NodeJS.ErrnoException) => {
    // another call was faster; its file has the same content
    if (error.code !== 'EEXIST') throw error
  })
}

/** fetch that tells how many bytes of file contents came in. */
function counted(count: (bytes: number) => void): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init)
    const type = response.headers.get('content-type') ?? ''
    if (!response.body || type.includes('json')) return response
    const body = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          count(chunk.length)
          controller.enqueue(chunk)
        },
      }),
    )
    const copy = new Response(body, {
      status: response.status,
      statusText: response.statusText,
      headers: response.headers,
    })
    Object.defineProperty(copy, 'url', { value: response.url })
    return copy
  }
}

/** The snapshot folder of a revision in the cache, if any. */
async function cachedSnapshot(storage: string, revision: string): Promise<string | null> {
  let commit = revision
  if (!COMMIT.test(revision))
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
  if (!(await has('config.json')) || !((await has('tokenizer.json')) || (await has('vocab.txt')))) return false
  if (await has('model.safetensors')) return true
  const index = await readFile(join(folder, 'model.safetensors.index.json'), 'utf8').catch(() => null)
  if (index === null) return false
  for (const shard of shardsOf(index)) if (!(await has(shard))) return false
  return true
}

const shardsOf = (index: string): Set<string> =>
  new Set(Object.values((JSON.parse(index) as { weight_map?: Record<string, string> }).weight_map ?? {}))
