// A model's files by the rules of `env`: under localModelPath, else from the host.

import { fetchedFiles, type ModelFiles, type Progress } from '../io/folder.ts'
import type { KeptFiles } from '../io/kept-files.ts'
import { openModelFiles } from '../model/load.ts'
import { env } from './env.ts'

export interface FilesOptions {
  progress?: Progress
  revision?: string
  localFilesOnly?: boolean
  cacheDir?: string
  signal?: AbortSignal
}

const isNode = (): boolean => typeof process !== 'undefined' && typeof process.versions?.node === 'string'

/** @throws where no place has it, with the places that were looked at */
export async function findFiles(name: string, options: FilesOptions = {}): Promise<ModelFiles> {
  if (typeof name !== 'string' || name === '')
    throw new TypeError(`the model is ${String(name)}, expected a name such as org/name, a folder or an address`)
  const looked: string[] = []
  const isAddress = /^https?:\/\//.test(name)
  if (env.allowLocalModels && !isAddress) {
    for (const place of [under(env.localModelPath, name), name]) {
      const found = await localFiles(place, options)
      if (found) return found
      looked.push(place)
    }
  }
  if (isAddress || (env.allowRemoteModels && !options.localFilesOnly)) return remoteFiles(name, isAddress, options)
  const kept = await keptFiles(name, options).catch((error: unknown) => {
    looked.push((error as Error).message)
    return null
  })
  if (kept) return kept
  throw new Error(
    `'${name}' is not here: looked at ${looked.join('; ')}, and remote models are not allowed (env.allowRemoteModels, local_files_only)`,
  )
}

/** What was fetched before: from env.remoteHost, or from the hub. */
async function keptFiles(name: string, options: FilesOptions): Promise<ModelFiles> {
  if (env.remoteHost === null && isNode()) return openModelFiles(name, { ...options, localFilesOnly: true })
  const cache = await keeping(options)
  const files = fetchedFiles(addressOf(name, options), { ...options, ...cache, localFilesOnly: true })
  // throws where it is not kept
  await files.text('config.json')
  return files
}

const under = (path: string, name: string): string => `${path.replace(/\/*$/, '/')}${name}`

async function localFiles(place: string, { progress, signal }: FilesOptions): Promise<ModelFiles | null> {
  if (isNode()) {
    const { folderFiles, isFolder } = await import('../io/folder.node.ts')
    return (await isFolder(place)) ? folderFiles(place) : null
  }
  const address = new URL(place, globalThis.location?.href).href
  const files = fetchedFiles(address, { progress, signal })
  return (await files.text('config.json')) === null ? null : files
}

/** The hub by its own rules; any other host by plain requests. */
async function remoteFiles(name: string, isAddress: boolean, options: FilesOptions): Promise<ModelFiles> {
  const { remoteHost, token, headers } = env
  const isHub = remoteHost === null && Object.keys(headers).length === 0
  const { progress, revision, signal } = options
  if (isHub || isAddress)
    return openModelFiles(name, { progress, revision, signal, ...(token && !isAddress ? { token } : {}) })
  return fetchedFiles(addressOf(name, options), {
    progress,
    signal,
    headers: { ...headers, ...(token ? { authorization: `Bearer ${token}` } : {}) },
    ...(await keeping(options)),
  })
}

function addressOf(name: string, { revision = 'main' }: FilesOptions): string {
  const host = env.remoteHost ?? 'https://huggingface.co'
  const path = env.remotePathTemplate.replaceAll('{model}', name).replaceAll('{revision}', encodeURIComponent(revision))
  return under(host, path)
}

async function keeping({
  cacheDir,
}: FilesOptions): Promise<{ cache: boolean; kept?: () => Promise<KeptFiles | null> }> {
  if (env.useCustomCache) {
    const own = env.customCache
    if (!own)
      throw new Error('env.useCustomCache is true and env.customCache is null; expected an object with match and put')
    return { cache: true, kept: async () => own }
  }
  if (!isNode()) return { cache: env.useBrowserCache }
  if (!env.useFSCache) return { cache: false }
  const { keptOnDisk } = await import('../io/folder.node.ts')
  const folder = cacheDir ?? env.cacheDir ?? undefined
  return { cache: true, kept: async () => keptOnDisk(folder) }
}
