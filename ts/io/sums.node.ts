// The digests that a folder carries (SHA256SUMS), held against its files.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isModelFile } from './folder.ts'
import { digestState, parseSums, SUMS_FILE, type FileDigest } from './sums.ts'

/**
 * A folder's files with their SHA-256.
 * @throws where SHA256SUMS is no list of digests
 */
export async function checkSums(folder: string): Promise<FileDigest[]> {
  const listed = parseSums(await readFile(join(folder, SUMS_FILE), 'utf8').catch(() => ''), folder)
  const there = (await readdir(folder, { recursive: true })).map((name) => name.replaceAll('\\', '/'))
  const names = [...new Set([...listed.keys(), ...there.filter(isModelFile)])].sort()
  const found: FileDigest[] = []
  for (const name of names) {
    const sha256 = there.includes(name) ? await digestOf(join(folder, name)) : null
    found.push({ name, sha256, state: digestState(sha256, listed.get(name)) })
  }
  return found
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer)
  return hash.digest('hex')
}
