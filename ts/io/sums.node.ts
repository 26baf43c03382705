// The digests that a folder carries (SHA256SUMS), held against its files.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isModelFile } from './folder.ts'
import { SUMS_FILE } from './write-folder.node.ts'

export interface FileDigest {
  name: string
  sha256: string | null
  /** 'unlisted': nothing says what it shall be */
  state: 'as written' | 'differs' | 'missing' | 'unlisted'
}

/**
 * A folder's files with their SHA-256.
 * @throws where SHA256SUMS is no list of digests
 */
export async function checkSums(folder: string): Promise<FileDigest[]> {
  const text = await readFile(join(folder, SUMS_FILE), 'utf8').catch(() => '')
  const listed = new Map<string, string>()
  for (const line of text.split('\n').filter((part) => part !== '')) {
    const [, sha256, name] = /^([0-9a-f]{64}) [ *](\w[^\\]*)$/.exec(line) ?? []
    if (!sha256 || name.split('/').includes('..'))
      throw new Error(`${folder}: ${SUMS_FILE} has the line ${JSON.stringify(line)}, expected a SHA-256 and a file`)
    listed.set(name, sha256)
  }
  const there = (await readdir(folder, { recursive: true })).map((name) => name.replaceAll('\\', '/'))
  const names = [...new Set([...listed.keys(), ...there.filter(isModelFile)])].sort()
  const found: FileDigest[] = []
  for (const name of names) {
    const sha256 = there.includes(name) ? await digestOf(join(folder, name)) : null
    const expected = listed.get(name)
    const state = !expected ? 'unlisted' : sha256 === null ? 'missing' : sha256 === expected ? 'as written' : 'differs'
    found.push({ name, sha256, state })
  }
  return found
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer)
  return hash.digest('hex')
}
