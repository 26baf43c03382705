// Hub repositories in Node, through @huggingface/hub and its cache (the one that Python's huggingface_hub fills, too).
// Files are asked for by commit, so that all of them come from one state and the second load needs no network.

import type { PathInfo } from '@huggingface/hub'
import { mkdir, readFile, rename, symlink } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { SENTENCE_FILES, SENTENCEPIECE_FILES, TOKENIZER_FILES, type ModelFiles, type Progress } from './folder.ts'
import { folderFiles, isFolder, isThere, writeWhole } from './folder.node.ts'
import { hubEndpoint, isHubId } from './hub.ts'
import { INDEX_FILE, shardsOf } from './shards.ts'

export { isHubId }

export interface HubOptions {
  revision?: string
  localFilesOnly?: boolean
  progress?: Progress
  /** the cache's folder; HF_HUB_CACHE, HF_HOME or ~/.cache/huggingface if not given */
  cacheDir?: string
}

const WANTED = [
  'config.json',
  ...TOKENIZER_FILES,
  ...SENTENCEPIECE_FILES,
  ...SENTENCE_FILES,
  'model.safetensors',
  INDEX_FILE,
]
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
  const list = (paths: string[]): Promise<PathInfo[]> => hub.pathsInfo({ repo, paths, revision: commit, ...common })
  const listed = await list(WANTED)
  const isOneFile = listed.some(({ path }) => path === 'model.safetensors')
  for (const file of listed) if (!isOneFile || file.path !== INDEX_FILE) await download(file)
  if (!isOneFile && listed.some(({ path }) => path === INDEX_FILE)) {
    const index = await readFile(join(storage, 'snapshots', commit, INDEX_FILE), 'utf8')
    for (const file of await list([...shardsOf(index, id)])) await download(file)
  }
  await mkdir(join(storage, 'refs'), { recursive: true })
  if (!COMMIT.test(revision)) await writeWhole(join(storage, 'refs', revision), [commit])
  return folderFiles(join(storage, 'snapshots', commit))

  /** Puts a file's content into `blobs` and a link to it into the snapshot, as the hub's clients lay their caches out. */
  async function download({ path: file, size: total, oid, lfs }: PathInfo): Promise<void> {
    const snapshot = join(storage, 'snapshots', commit)
    const place = join(snapshot, file)
    const content = lfs?.oid ?? oid
    if (!content) throw new Error(`${id}: the hub ${common.hubUrl} names no object for ${file}; it is no hub of models`)
    if (relative(snapshot, place).startsWith('..'))
      throw new Error(`${id}: the hub ${common.hubUrl} names '${file}', which is outside the model's folder`)
    if (await isThere(place)) return
    options.progress?.({ status: 'initiate', file })
    const stored = join(storage, 'blobs', basename(content))
    try {
      if (!(await isThere(stored))) {
        const blob = await hub.downloadFile({ repo, path: file, revision: commit, ...common })
        if (!blob) throw new Error('the hub lists it and does not have it')
        await writeWhole(stored, counted(blob.stream(), file, total, options.progress))
      }
      await mkdir(dirname(place), { recursive: true })
      await link(stored, place)
    } catch (error) {
      throw new Error(`${id}: ${file} could not be fetched from ${common.hubUrl}: ${(error as Error).message}`, {
        cause: error,
      })
    }
    options.progress?.({ status: 'done', file, loaded: total, total, progress: 100 })
  }
}

/** A symbolic link where the system allows it, else the file itself. Another call that was faster linked the same content. */
async function link(stored: string, place: string): Promise<void> {
  await symlink(relative(dirname(place), stored), place).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EPERM') return rename(stored, place)
    if (error.code !== 'EEXIST') throw error
  })
}

/** The parts of a file of `total` bytes, told to `progress` as they come. Throws where it ends too early. */
async function* counted(
  parts: AsyncIterable<Uint8Array>,
  file: string,
  total: number,
  progress?: Progress,
): AsyncGenerator<Uint8Array> {
  let loaded = 0
  for await (const part of parts) {
    loaded += part.length
    progress?.({ status: 'progress', file, loaded, total, progress: total ? (100 * loaded) / total : undefined })
    yield part
  }
  if (loaded !== total) throw new Error(`${loaded} bytes came, expected ${total}`)
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
  if (!(await has('config.json'))) return false
  const tokenizers = await Promise.all(['tokenizer.json', 'vocab.txt', 'vocab.json', ...SENTENCEPIECE_FILES].map(has))
  if (!tokenizers.includes(true)) return false
  if (await has('model.safetensors')) return true
  const index = await readFile(join(folder, INDEX_FILE), 'utf8').catch(() => null)
  if (index === null) return false
  for (const shard of shardsOf(index, folder)) if (!(await has(shard))) return false
  return true
}
