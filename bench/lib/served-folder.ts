import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'

/** The files of a folder and of those in it, by the names under which a page finds them: own/… */
export async function servedFolder(folder: string): Promise<Map<string, URL>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return new Map(paths.map((path) => [`own/${relative(folder, path)}`, pathToFileURL(path)]))
}
