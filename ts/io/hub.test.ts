// The hub, played by a local server: what is asked for, what the cache keeps, and what happens without a network.

import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { loadModel, loadModelFiles } from '../model/load.ts'
import { encodeModel } from '../model/save.ts'
import { syntheticModel } from '../../testing/models.ts'
import { fetchedFiles } from './folder.ts'
import { hubAddress, isHubId } from './hub.ts'

const COMMIT = '0123456789abcdef0123456789abcdef01234567'
const model = syntheticModel('int8', 8)
const FILES: Record<string, Uint8Array | string> = {
  ...encodeModel(model),
  'vocab.txt': '[PAD]\n[UNK]\n[CLS]\n[SEP]\n',
  'unrelated.bin': 'never asked for',
}

/** The name that git gives a file. */
const gitObject = (body: Uint8Array | string): string =>
  createHash('sha1')
    .update(`blob ${Buffer.byteLength(body)}\0`)
    .update(body)
    .digest('hex')

let server: Server
let asked: string[] = []
let cutShort = false
/** the name under which the hub lists vocab.txt */
let listedAs = 'vocab.txt'
const cache = await mkdtemp(join(tmpdir(), 'hub-'))
const environment = { ...process.env }

beforeAll(async () => {
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    asked.push(`${request.method} ${pathname}`)
    const json = (value: unknown) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    const list = Object.entries(FILES).map(([path, body]) => ({
      type: 'file',
      path,
      size: Buffer.byteLength(body),
      oid: gitObject(body),
    }))
    if (pathname.startsWith('/api/models/org/tiny/paths-info/')) {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString()))
      request.on('end', () => {
        const { paths } = JSON.parse(body) as { paths: string[] }
        json(
          list
            .filter(({ path }) => paths.includes(path))
            .map((file) => (file.path === 'vocab.txt' ? { ...file, path: listedAs } : file))
            .map((file) => ({ ...file, lastCommit: { id: COMMIT, title: '', date: '' } })),
        )
      })
    } else if (pathname.startsWith('/api/models/org/tiny')) json({ _id: '1', id: 'org/tiny', sha: COMMIT })
    else {
      const found = new RegExp(`^/org/tiny/resolve/(${COMMIT}|main)/(.+)$`).exec(pathname)
      const file = found && FILES[found[2]]
      if (!file) return void response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end('{}')
      const body = Buffer.from(file)
      const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '')
      const [from, to] = range
        ? [Number(range[1]), Math.min(body.length - 1, Number(range[2] || Infinity))]
        : [0, body.length - 1]
      response.writeHead(range ? 206 : 200, {
        'content-type': 'application/octet-stream',
        'content-length': to - from + 1,
        'content-range': `bytes ${from}-${to}/${body.length}`,
        etag: `"oid-${found[2]}"`,
      })
      if (cutShort && to - from > 100) response.write(body.subarray(from, from + 50), () => response.destroy())
      else response.end(body.subarray(from, to + 1))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  process.env.HF_ENDPOINT = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  process.env.HF_HUB_CACHE = cache
  process.env.COMPACT_KERNELS_CACHE = join(cache, 'addresses')
})

afterEach(() => {
  asked = []
  cutShort = false
  listedAs = 'vocab.txt'
  delete process.env.HF_HUB_OFFLINE
})

afterAll(async () => {
  process.env = environment
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(cache, { recursive: true })
})

describe('hub', () => {
  it('says that a model is neither here nor in the cache, without a network', async () => {
    await expect(loadModel('org/tiny', { localFilesOnly: true })).rejects.toThrow(
      /'org\/tiny' \(main\) is not in the cache .*the network is not to be used/,
    )
    process.env.HF_HUB_OFFLINE = '1'
    await expect(loadModel('org/tiny')).rejects.toThrow(/is not in the cache/)
    expect(asked).toEqual([])
  })

  it('names the hub and the model where a download breaks, and keeps nothing of it', async () => {
    cutShort = true
    await expect(loadModel('org/tiny')).rejects.toThrow(/org\/tiny: .* could not be fetched from http:\/\/127\.0\.0\.1/)
    await expect(loadModel('org/tiny', { localFilesOnly: true })).rejects.toThrow(/is not in the cache/)
  })

  it('fetches what a model needs, once, and then needs no network', async () => {
    const events: string[] = []
    const { weights, tokenizerFiles, where } = await loadModel('org/tiny', {
      progress: ({ status, file }) => events.push(`${status} ${file}`),
    })
    expect(weights).toEqual(model)
    expect(Object.keys(tokenizerFiles)).toEqual(['vocab.txt'])
    expect(where).toContain(COMMIT)
    expect((await readdir(where)).sort()).toEqual(['config.json', 'model.safetensors', 'vocab.txt'])
    expect(events).toContain('initiate model.safetensors')
    expect(events).toContain('progress model.safetensors')
    expect(events.at(-1)).toBe(`ready ${where}`)
    asked = []
    expect((await loadModel('org/tiny', { localFilesOnly: true })).weights).toEqual(model)
    expect((await loadModel('org/tiny', { revision: COMMIT })).weights).toEqual(model)
    expect(asked).toEqual([])
    await loadModel('org/tiny')
    expect(asked.some((line) => line.includes('/resolve/'))).toBe(false)
  })

  it('fetches one model from two calls at once, each whole', async () => {
    const spoken = vi.spyOn(console, 'debug')
    process.env.HF_HUB_CACHE = join(cache, 'twice')
    const both = await Promise.all([loadModel('org/tiny'), loadModel('org/tiny')])
    for (const { weights } of both) expect(weights).toEqual(model)
    expect(spoken).not.toHaveBeenCalled()
    const blobs = await readdir(join(cache, 'twice', 'models--org--tiny', 'blobs'))
    const objects = ['config.json', 'model.safetensors', 'vocab.txt'].map((name) => gitObject(FILES[name]))
    expect(blobs.sort()).toEqual(objects.sort())
    process.env.HF_HUB_CACHE = cache
  })

  it('writes nothing outside the folder of the model', async () => {
    process.env.HF_HUB_CACHE = join(cache, 'outside')
    listedAs = '../../../../escaped'
    await expect(loadModel('org/tiny')).rejects.toThrow(/names '\.\.\/.*escaped', which was not asked for/)
    process.env.HF_HUB_CACHE = cache
  })

  it('takes a whole model from the cache where the hub cannot be reached, no part of one', async () => {
    const { where } = await loadModel('org/tiny')
    const endpoint = process.env.HF_ENDPOINT
    process.env.HF_ENDPOINT = 'http://127.0.0.1:9'
    expect((await loadModel('org/tiny')).weights).toEqual(model)
    await rm(join(where, 'vocab.txt'))
    await expect(loadModel('org/tiny')).rejects.toThrow(/the hub http:\/\/127\.0\.0\.1:9 does not give it/)
    process.env.HF_ENDPOINT = endpoint
    // what is missing is fetched
    expect(Object.keys((await loadModel('org/tiny', { revision: COMMIT })).tokenizerFiles)).toEqual(['vocab.txt'])
  })

  it('reads a folder of files from an address, as a page does', async () => {
    const { weights } = await loadModel(hubAddress('org/tiny'))
    expect(weights).toEqual(model)
    const loaded: number[] = []
    const files = fetchedFiles(hubAddress('org/tiny'), {
      progress: (event) => event.loaded && loaded.push(event.loaded),
    })
    expect(await files.text('vocab.txt')).toBe(FILES['vocab.txt'])
    expect(await files.text('nothing.txt')).toBeNull()
    expect(loaded.at(-1)).toBe(FILES['vocab.txt'].length)
    cutShort = true
    await expect(files.open('model.safetensors')).rejects.toThrow()
  })

  it('reads what other servers answer: compressed lengths, a page in place of what is missing', async () => {
    const odd = createServer((request, response) => {
      if (request.url === '/config.json') {
        // as a page of another origin sees a compressed answer
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"a": 1}')
      } else response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<!doctype html>')
    })
    await new Promise<void>((resolve) => odd.listen(0, '127.0.0.1', resolve))
    const files = fetchedFiles(`http://127.0.0.1:${(odd.address() as AddressInfo).port}/`)
    expect(await files.text('tokenizer.json')).toBeNull()
    const real = globalThis.fetch
    // as a page of another origin sees it: the length of what was compressed, without the encoding
    globalThis.fetch = async (input) => {
      const { body } = await real(input)
      return new Response(body, { headers: { 'content-length': '3' } })
    }
    expect(await files.text('config.json')).toBe('{"a": 1}')
    globalThis.fetch = real
    odd.closeAllConnections()
    await new Promise((resolve) => odd.close(resolve))
  })

  it('needs nothing of the network for what the browser keeps, and no room to keep it', async () => {
    const kept = new Map<string, Response>()
    let isFull = true
    const opened = {
      match: (address: string) => Promise.resolve(kept.get(address)?.clone()),
      put: (address: string, response: Response) =>
        isFull ? Promise.reject(new Error('QuotaExceededError')) : Promise.resolve(void kept.set(address, response)),
    }
    Object.assign(globalThis, { caches: { open: () => Promise.resolve(opened) } })
    const load = (localFilesOnly: boolean) =>
      loadModelFiles(fetchedFiles(hubAddress('org/tiny'), { cache: true, localFilesOnly }))
    expect((await load(false)).weights).toEqual(model)
    await expect(load(true)).rejects.toThrow(/config\.json is not in the browser's cache/)
    isFull = false
    await load(false)
    asked = []
    expect((await load(true)).weights).toEqual(model)
    expect(asked).toEqual([])
    Reflect.deleteProperty(globalThis, 'caches')
  })

  it('knows hub ids from paths', async () => {
    for (const id of ['bert-base-uncased', 'org/name', 'org/name.v1-x_2']) expect(isHubId(id)).toBe(true)
    for (const id of ['', '../x', 'a/b/c', './model', '/abs', 'org/', 'a b', 'org/..']) expect(isHubId(id)).toBe(false)
    await expect(loadModel('./no/such/folder')).rejects.toThrow(/no folder '.\/no\/such\/folder', and it is no hub id/)
    await expect(loadModel('org/absent')).rejects.toThrow(
      /'org\/absent' \(main\) is no folder here, and the hub .* does not give it/,
    )
  })
})
