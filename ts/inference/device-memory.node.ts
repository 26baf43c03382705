// Decisions of device: 'auto' in Node: devices.json in the user's folder of caches. To forget them, remove the file.

import { readFile, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { writeWhole } from '../io/write.node.ts'
import type { DeviceStore } from './device-store.ts'

/** Older ones are left out where more come. */
const MOST = 200

/** In `COMPACT_KERNELS_CACHE`, else in the user's folder of caches. */
const defaultFile = (): string =>
  join(
    process.env.COMPACT_KERNELS_CACHE ??
      join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'compact-kernels'),
    'devices.json',
  )

export function devicesOnDisk(file = defaultFile()): DeviceStore {
  const read = async (): Promise<Record<string, string>> => {
    try {
      const found = JSON.parse(await readFile(file, 'utf8')) as unknown
      return typeof found === 'object' && found !== null ? (found as Record<string, string>) : {}
    } catch {
      return {}
    }
  }
  return {
    get: async (key) => {
      const found = await read()
      return Object.hasOwn(found, key) && typeof found[key] === 'string' ? found[key] : null
    },
    set: async (key, value) => {
      const others = Object.entries(await read()).filter(([other]) => other !== key)
      const kept = [...others.slice(1 - MOST), [key, value]]
      await writeWhole(file, [JSON.stringify(Object.fromEntries(kept), null, 1)])
    },
    clear: () => rm(file, { force: true }),
  }
}
