// Models by address, kept in a folder: two files for each address, its content and what is known of it.

import { createHash } from 'node:crypto'
import { createReadStream, openAsBlob } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { KeptFiles } from './kept-files.ts'
import { writeWhole } from './write.node.ts'

interface Known {
  address: string
  headers: Record<string, string>
  sha256: string
}

/** `COMPACT_KERNELS_CACHE`, else the user's folder of caches. */
const cacheFolder = (): string =>
  process.env.COMPACT_KERNELS_CACHE ??
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'compact-kernels', 'addresses')

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer)
  return hash.digest('hex')
}

/** What was fetched by address; damaged content counts as not there. */
export function keptOnDisk(folder = cacheFolder()): KeptFiles {
  const placeOf = (address: string): string => join(folder, createHash('sha256').update(address).digest('hex'))
  return {
    match: async (address) => {
      const place = placeOf(address)
      try {
        const known = JSON.parse(await readFile(`${place}.json`, 'utf8')) as Known
        if (known.address !== address || (await sha256Of(place)) !== known.sha256) return undefined
        return new Response(await openAsBlob(place), { headers: known.headers })
      } catch {
        return undefined
      }
    },
    put: async (address, response) => {
      const place = placeOf(address)
      const headers = Object.fromEntries(response.headers)
      // without the second file the first is not looked at
      await rm(`${place}.json`, { force: true })
      await writeWhole(place, response.body ? (response.body as unknown as AsyncIterable<Uint8Array>) : [])
      const known: Known = { address, headers, sha256: await sha256Of(place) }
      await writeWhole(`${place}.json`, [JSON.stringify(known)])
    },
  }
}
