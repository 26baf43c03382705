// Where decisions of device: 'auto' are kept: for the life of the process or page, and beyond it in a page's Cache Storage
// (workers have it too) or, in Node, in a file of the user's folder of caches. What cannot be kept is measured again.

import type { DeviceStore } from './device-store.ts'

/** Of Cache Storage. */
const CACHE_NAME = 'compact-kernels-devices'

/** A name that no server has: entries are found by it and never fetched. */
const addressOf = (key: string): string => `https://compact-kernels.invalid/device?${encodeURIComponent(key)}`

const inProcess = new Map<string, string>()

/** What this process or page found, else what is stored. */
export function openMemory(store: () => Promise<DeviceStore | null> = openStore): DeviceStore {
  // a store that fails, or that a page may not have, is as one that is empty
  const stored = async <T>(use: (store: DeviceStore) => Promise<T>): Promise<T | null> => {
    try {
      const found = await store()
      return found && (await use(found))
    } catch {
      return null
    }
  }
  return {
    get: async (key) => inProcess.get(key) ?? (await stored((found) => found.get(key))),
    set: async (key, value) => {
      inProcess.set(key, value)
      await stored((found) => found.set(key, value))
    },
    clear: async () => {
      inProcess.clear()
      await stored((found) => found.clear())
    },
  }
}

async function openStore(): Promise<DeviceStore | null> {
  if (typeof process !== 'undefined' && typeof process.versions?.node === 'string') {
    const { devicesOnDisk } = await import('./device-memory.node.ts')
    return devicesOnDisk()
  }
  return typeof caches === 'undefined' ? null : devicesInBrowser(caches)
}

function devicesInBrowser(storage: CacheStorage): DeviceStore {
  return {
    get: async (key) => {
      const found = await (await storage.open(CACHE_NAME)).match(addressOf(key))
      return found ? found.text() : null
    },
    set: async (key, value) => (await storage.open(CACHE_NAME)).put(addressOf(key), new Response(value)),
    clear: async () => void (await storage.delete(CACHE_NAME)),
  }
}
