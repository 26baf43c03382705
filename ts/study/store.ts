// A study's folder. Every finished stage is a JSON file under stages/ and, where it made a model, a folder under
// models/; each is written beside its place and renamed, so that what is there is whole. A stage holds the key of all
// it was made from: a study that is run again takes what fits and makes the rest.

import { createHash } from 'node:crypto'
import { readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { folderDigest, writeWhole } from '../io/folder.node.ts'
import { takeLock } from '../io/lock.node.ts'
import { makeFolder, makeRunFolder } from '../io/write.node.ts'
import { folderOf } from './catalogue.ts'

export interface Store {
  readonly folder: string
  /** SHA-256 of the model's files, 16 hex digits, as `writeModel` left them; null where an earlier version wrote them. */
  modelDigest(id: string): Promise<string | null>
  /**
   * A model's folder, to be read.
   * @throws where its files are not those that `writeModel` left there
   */
  checkedModel(id: string): Promise<string>
  /** The finished stage, or null where there is none made from `key`. */
  read<T>(stage: string, key: string): Promise<T | null>
  write(stage: string, key: string, content: unknown): Promise<void>
  /** Lets `make` fill a new folder, then puts it in the model's place. */
  writeModel(id: string, make: (folder: string) => Promise<void>): Promise<void>
  /** A file of the study's folder. */
  writeFile(name: string, text: string): Promise<void>
}

/** SHA-256 of any JSON value, 16 hex digits. */
export const keyOf = (...parts: unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16)

async function readJson(path: string): Promise<unknown> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(
      `${path} is not JSON; it was changed from outside. Remove it, or start anew with --fresh (in code fresh: true)`,
    )
  }
}

const STUDY_FILE = 'study.json'

/**
 * Whether the folder holds a study already.
 * @throws where that study has other inputs; the message names them
 */
async function sameStudy(folder: string, inputs: Record<string, unknown>): Promise<boolean> {
  const known = (await readJson(join(folder, STUDY_FILE))) as Record<string, unknown> | null
  if (!known) return false
  const [was, now] = [known, inputs].map((of) => (name: string) => JSON.stringify(of[name] ?? null))
  const names = [...new Set([...Object.keys(known), ...Object.keys(inputs)])]
  const differing = names.filter((name) => was(name) !== now(name))
  if (differing.length === 0) return true
  const words = differing.map((name) => `${name} was ${was(name)}, now ${now(name)}`)
  throw new Error(
    `${folder} holds a study with other options: ${words.join('; ')}. Choose another folder, give the same options, or start anew with --fresh (in code fresh: true)`,
  )
}

/** Keeps another study out of a folder. @returns lets it in again @throws Locked where one is in it */
export async function lockStudy(folder: string): Promise<() => Promise<void>> {
  await makeRunFolder(folder)
  return takeLock(join(folder, 'study.lock'), false)
}

/**
 * Opens a study's folder or starts one.
 * @param inputs what decides the outcome; remembered, and compared with what an earlier run remembered
 * @throws where the folder holds a study of other inputs; the message names them
 */
export async function openStore(folder: string, inputs: Record<string, unknown>, fresh: boolean): Promise<Store> {
  const stages = join(folder, 'stages')
  const models = join(folder, 'models')
  if (fresh)
    for (const part of [stages, models, join(folder, STUDY_FILE)]) await rm(part, { recursive: true, force: true })
  const isNew = !(await sameStudy(folder, inputs))
  await makeFolder(stages)
  await makeFolder(models)
  if (isNew) await writeWhole(join(folder, STUDY_FILE), [`${JSON.stringify(inputs, null, 2)}\n`])
  const digestFile = (id: string): string => join(stages, `${folderOf(id)}.sha256`)
  const modelDigest = async (id: string): Promise<string | null> =>
    (await readFile(digestFile(id), 'utf8').catch(() => null))?.trim() ?? null
  const stageFile = (stage: string): string => join(stages, `${folderOf(stage)}.json`)
  return {
    folder,
    modelDigest,
    checkedModel: async (id) => {
      const place = join(models, folderOf(id))
      const known = await modelDigest(id)
      if (known !== null && (await folderDigest(place)) !== known)
        throw new Error(
          `${place}: its files are not those that this study wrote: damaged, or replaced from outside. Put them back, or start anew with --fresh (in code fresh: true)`,
        )
      return place
    },
    read: async <T>(stage: string, key: string) => {
      const found = (await readJson(stageFile(stage))) as { key: string; content: T } | null
      return found?.key === key ? found.content : null
    },
    write: async (stage, key, content) => {
      await writeWhole(stageFile(stage), [`${JSON.stringify({ key, content })}\n`])
    },
    writeModel: async (id, make) => {
      const place = join(models, folderOf(id))
      const beside = `${place}.making`
      await rm(beside, { recursive: true, force: true })
      try {
        await make(beside)
        await rm(digestFile(id), { force: true })
        await rm(place, { recursive: true, force: true })
        await rename(beside, place)
        await writeWhole(digestFile(id), [`${await folderDigest(place)}\n`])
      } catch (error) {
        await rm(beside, { recursive: true, force: true })
        throw error
      }
    },
    writeFile: async (name, text) => {
      await writeWhole(join(folder, name), [text])
    },
  }
}
