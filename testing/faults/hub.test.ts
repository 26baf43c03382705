// Hubs that lie, break off, fall silent or send without end; private ones; and models by address that are kept.

import { access, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { keptOnDisk } from '../../ts/io/folder.node.ts'
import { hubFiles, type HubOptions } from '../../ts/io/hub.node.ts'
import { hubPageFiles, type HubPageOptions } from '../../ts/io/hub-page.ts'
import { fetchedFiles } from '../../ts/io/folder.ts'
import { loadModel, loadModelFiles } from '../../ts/model/load.ts'
import { encodeModel } from '../../ts/model/save.ts'
import { syntheticModel } from '../models.ts'
import { COMMIT, startHub, type HubServer } from '../hub-server.ts'

const MODEL = syntheticModel('int8', 8)
const FILES = { ...encodeModel(MODEL), 'vocab.txt': '[PAD]\n[UNK]\n[CLS]\n[SEP]\n', 'other.txt': 'not asked for' }
const WEIGHTS = encodeModel(MODEL)['model.safetensors'] as Uint8Array
/** Of a server that is there, on a machine that has other work; and of one that the test has made silent. */
const SILENCE_MS = 20_000
const SHORT_SILENCE_MS = 500

const root = await mkdtemp(join(tmpdir(), 'hub-faults-'))
afterAll(() => rm(root, { recursive: true }))

let hub: HubServer
let home: string
beforeEach(async () => {
  hub = await startHub(FILES)
  home = await mkdtemp(join(root, 'home-'))
  process.env.COMPACT_KERNELS_CACHE = join(home, 'addresses')
})
afterEach(async () => {
  vi.restoreAllMocks()
  await hub.close()
  delete process.env.COMPACT_KERNELS_CACHE
})

const load = async (options: HubOptions = {}) => {
  const given = { endpoint: hub.address, cacheDir: join(home, 'cache'), silenceMs: SILENCE_MS, ...options }
  return loadModelFiles(await hubFiles('org/tiny', given))
}
/** As a page opens it, what it keeps in a folder. */
const loadInPage = async (options: HubPageOptions = {}) => {
  const kept = () => Promise.resolve(keptOnDisk(join(home, 'kept')))
  const given = { endpoint: hub.address, silenceMs: SILENCE_MS, kept, ...options }
  return loadModelFiles(hubPageFiles('org/tiny', given))
}
const blobs = (): Promise<string[]> => readdir(join(home, 'cache', 'models--org--tiny', 'blobs')).catch(() => [])

/** Ends a connection when so much of the file is on the disk: what is still on its way may be lost with it. */
async function breakOff(response: ServerResponse, bytes: number): Promise<void> {
  const folder = join(home, 'cache', 'models--org--tiny', 'blobs')
  const have = async (): Promise<number> => {
    const partial = (await blobs()).find((name) => name.endsWith('.incomplete'))
    return partial ? (await stat(join(folder, partial))).size : 0
  }
  while ((await have()) < bytes) await new Promise((resolve) => setTimeout(resolve, 10))
  response.destroy()
}

describe('a hub that lies', () => {
  it('gets no name of its own into a path: object, file, revision', async () => {
    const secret = join(home, 'secret')
    await writeFile(secret, 'SECRET')
    for (const oid of ['../../../../secret', 'abc', '', null, 7, '0'.repeat(64)]) {
      hub.listed = (path, entry) => (path === 'vocab.txt' ? { ...entry, oid, size: 6 } : entry)
      await expect(load(), String(oid)).rejects.toThrow(/names the object .* for vocab\.txt, expected 40 hex digits/)
    }
    expect(await readFile(secret, 'utf8')).toBe('SECRET')
    for (const path of ['../../../escaped', '/etc/passwd', 'other.txt']) {
      hub.listed = (name, entry) => (name === 'vocab.txt' ? { ...entry, path } : entry)
      await expect(load(), path).rejects.toThrow(`names '${path}', which was not asked for`)
    }
    for (const revision of ['../../../escaped', 'a/../../b', '/etc', '.', 'a//b'])
      await expect(load({ revision }), revision).rejects.toThrow(/is no revision; expected a branch/)
    await expect(access(join(home, 'escaped'))).rejects.toThrow()
  })

  it('gets nothing kept that was not asked for', async () => {
    hub.unasked = ['other.txt']
    await expect(load()).rejects.toThrow("names 'other.txt', which was not asked for")
    expect(await blobs()).toEqual([])
  })

  it('is held to the digests that it lists', async () => {
    const other = Buffer.from(WEIGHTS)
    other[other.length - 1] ^= 1
    hub.sends = (path, _, response) => path === 'model.safetensors' && Boolean(response.end(other))
    await expect(load()).rejects.toThrow(
      /model\.safetensors .* has sha256 [0-9a-f]{64}, expected [0-9a-f]{64}; it was not kept/,
    )
    hub.sends = (path, _, response) => path === 'vocab.txt' && Boolean(response.end('[PAD]\n[UNK]\n[CLS]\n[MIS]\n'))
    await expect(load()).rejects.toThrow(/vocab\.txt .* has sha1 .*it was not kept/)
    expect((await blobs()).filter((name) => name.includes('.'))).toEqual([])
    hub.sends = () => false
    expect((await load()).weights).toEqual(MODEL)
  })

  it('is held to the sizes that it lists, and those to bounds', async () => {
    hub.listed = (path, entry) => (path === 'model.safetensors' ? { ...entry, size: 2 ** 39 } : entry)
    await expect(load()).rejects.toThrow(/needs \d+ bytes of the disk, which has \d+ left/)
    hub.listed = (_, entry) => entry
    hub.sends = (path, _, response) => {
      if (path !== 'vocab.txt') return false
      response.writeHead(200)
      const more = (): void =>
        void (response.destroyed || response.write(Buffer.alloc(65536), () => setImmediate(more)))
      more()
      return true
    }
    await expect(load()).rejects.toThrow(/vocab\.txt .* sends more than 24 bytes, which is refused/)
    hub.sends = () => false
    hub.listed = (path, entry) => (path === 'config.json' ? { ...entry, size: 1e12 } : entry)
    await expect(load()).rejects.toThrow(/gives config\.json 1000000000000 bytes, expected at most 64000000/)
  })
})

describe('a download', () => {
  it('goes on where it broke off, in the same call and in the next', async () => {
    const pieces = [1000, 2000]
    hub.sends = (path, request, response) => {
      const bytes = path === 'model.safetensors' ? pieces.shift() : undefined
      if (bytes === undefined) return false
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
      const range = { 'content-range': `bytes ${from}-${WEIGHTS.length - 1}/${WEIGHTS.length}` }
      response.writeHead(from ? 206 : 200, { 'content-length': WEIGHTS.length - from, ...(from && range) })
      response.write(WEIGHTS.subarray(from, bytes), () => void breakOff(response, bytes))
      return true
    }
    expect((await load()).weights).toEqual(MODEL)
    expect(hub.asked.filter((line) => line.includes('safetensors'))).toEqual([
      'GET model.safetensors',
      'GET model.safetensors bytes=1000-',
      'GET model.safetensors bytes=2000-',
    ])
    expect((await blobs()).every((name) => /^[0-9a-f]+$/.test(name))).toBe(true)
  })

  it('is taken from the beginning where the server does not go on', async () => {
    let isFirst = true
    hub.sends = (path, _, response) => {
      if (path !== 'model.safetensors') return false
      response.writeHead(200, { 'content-length': WEIGHTS.length })
      if (isFirst) response.write(WEIGHTS.subarray(0, 1000), () => void breakOff(response, 1000))
      else response.end(WEIGHTS)
      isFirst = false
      return true
    }
    expect((await load()).weights).toEqual(MODEL)
  })

  it('ends where the server is silent', async () => {
    hub.sends = () => true
    await expect(load({ silenceMs: SHORT_SILENCE_MS })).rejects.toThrow(/org\/tiny: .*the server was silent for 0\.5 s/)
  })

  it('ends where the signal says so', async () => {
    const control = new AbortController()
    let asked = Infinity
    hub.sends = () => {
      // the request is here, and waits for its answer
      asked = performance.now()
      setTimeout(() => control.abort(new Error('enough')), 20)
      return true
    }
    await expect(load({ signal: control.signal })).rejects.toThrow('enough')
    expect(performance.now() - asked).toBeLessThan(SILENCE_MS / 2)
    await expect(load({ signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before')
  })

  it('that was left a week ago is removed', async () => {
    const left = join(home, 'cache', 'models--org--tiny', 'blobs', `${'a'.repeat(64)}.incomplete`)
    await mkdir(join(left, '..'), { recursive: true })
    await writeFile(left, 'half')
    await utimes(left, 1e9, 1e9)
    await load()
    await expect(access(left)).rejects.toThrow()
  })
})

it('a download goes on where the clock jumps by a year, and another begins', async () => {
  let jumped = false
  const other: Promise<unknown>[] = []
  hub.sends = (path, _, response) => {
    if (path !== 'model.safetensors' || jumped) return false
    jumped = true
    response.writeHead(200, { 'content-length': WEIGHTS.length })
    response.write(WEIGHTS.subarray(0, 1000), () => {
      const now = Date.now()
      vi.spyOn(Date, 'now').mockReturnValue(now + 365 * 24 * 3600e3)
      other.push(load())
      setTimeout(() => response.end(WEIGHTS.subarray(1000)), 300)
    })
    return true
  }
  expect((await load()).weights).toEqual(MODEL)
  await Promise.all(other)
  expect([jumped, other.length]).toEqual([true, 1])
  expect((await blobs()).every((name) => /^[0-9a-f]+$/.test(name))).toBe(true)
})

describe('a private hub', () => {
  it('opens with a token, in Node and as a page asks it', async () => {
    hub.token = 'hf_secret'
    await expect(load()).rejects.toThrow(/does not give it/)
    expect((await load({ token: 'hf_secret' })).weights).toEqual(MODEL)
    expect((await loadInPage({ token: 'hf_secret' })).weights).toEqual(MODEL)
    await expect(loadInPage()).rejects.toThrow(/does not list it: HTTP 401 .* needs a token/)
  })
})

describe('a hub in a page', () => {
  it('is held to the digests that it lists, and nothing else is kept', async () => {
    const other = Buffer.from(WEIGHTS)
    other[other.length - 1] ^= 1
    hub.sends = (path, _, response) => path === 'model.safetensors' && Boolean(response.end(other))
    await expect(loadInPage()).rejects.toThrow(
      /sent model\.safetensors with sha256 [0-9a-f]{64}, expected [0-9a-f]{64}; it was not kept/,
    )
    hub.sends = (path, _, response) => path === 'vocab.txt' && Boolean(response.end('[PAD]\n[UNK]\n[CLS]\n[MIS]\n'))
    await expect(loadInPage()).rejects.toThrow(/sent vocab\.txt with sha1 .*it was not kept/)
    hub.sends = () => false
    hub.asked.length = 0
    expect((await loadInPage()).weights).toEqual(MODEL)
    expect(hub.asked).toContain('GET model.safetensors')
    // what is kept needs neither list nor content again, and what is not listed is not asked for
    hub.asked.length = 0
    expect((await loadInPage({ revision: COMMIT })).weights).toEqual(MODEL)
    expect(hub.asked.filter((what) => what.startsWith('GET')).sort()).toEqual(
      ['config.json', 'model.safetensors', 'vocab.txt'].map((name) => `GET ${name}`),
    )
    hub.asked.length = 0
    expect((await loadInPage({ revision: COMMIT, localFilesOnly: true })).weights).toEqual(MODEL)
    expect(hub.asked).toEqual([])
  })

  it('is refused where its list is none, names no objects, or goes on elsewhere', async () => {
    hub.listed = (path, entry) => (path === 'vocab.txt' ? { ...entry, oid: '../../secret' } : entry)
    await expect(loadInPage()).rejects.toThrow(
      /names the object "..\/..\/secret" for vocab\.txt, expected 40 hex digits/,
    )
    hub.listed = (_, entry) => entry
    hub.nextPage = () => 'https://elsewhere.example/list'
    await expect(loadInPage({ token: 'hf_secret' })).rejects.toThrow(
      /continues its list of org\/tiny at https:\/\/elsewhere/,
    )
    hub.nextPage = () => `${hub.address}/api/models/org/tiny/tree/main`
    await expect(loadInPage()).rejects.toThrow(/lists more than 20 pages/)
    await hub.close()
    await expect(loadInPage()).rejects.toThrow(/could not be fetched/)
  })
})

describe('a model by address', () => {
  it('is kept: asked for by HEAD, taken without a network, fetched again where it changed', async () => {
    const address = `${hub.address}/org/tiny/resolve/${COMMIT}/`
    expect((await loadModel(address)).weights).toEqual(MODEL)
    hub.asked.length = 0
    expect((await loadModel(address)).weights).toEqual(MODEL)
    expect(hub.asked).toContain('HEAD model.safetensors')
    expect(hub.asked).not.toContain('GET model.safetensors')
    hub.asked.length = 0
    expect((await loadModel(address, { localFilesOnly: true })).weights).toEqual(MODEL)
    expect(hub.asked).toEqual([])
    // a file of the cache that was damaged is no file of the cache
    const folder = join(home, 'addresses')
    for (const name of await readdir(folder)) if (!name.endsWith('.json')) await writeFile(join(folder, name), 'x')
    hub.asked.length = 0
    expect((await loadModel(address)).weights).toEqual(MODEL)
    expect(hub.asked).toContain('GET model.safetensors')
    await hub.close()
    expect((await loadModel(address, { localFilesOnly: true })).weights).toEqual(MODEL)
  })

  it('is refused where a text has no end', async () => {
    hub.sends = (_, __, response) => {
      response.writeHead(200, { 'content-length': 65_000_000 })
      response.write('{')
      return true
    }
    await expect(fetchedFiles(hub.address).text('config.json')).rejects.toThrow(
      /has 65000000 bytes, expected at most 64000000/,
    )
  })
})
