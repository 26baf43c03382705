// A hub that tests play: it lists and sends what it is told to, rightly or not.

import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export const COMMIT = '0123456789abcdef0123456789abcdef01234567'

export interface HubServer {
  address: string
  /** requests for files, with their range */
  asked: string[]
  /** changes what is listed of a file */
  listed: (path: string, entry: Record<string, unknown>) => Record<string, unknown>
  /** answers a request for a file in place of the server, where it returns true */
  sends: (path: string, request: IncomingMessage, response: ServerResponse) => boolean
  /** files that are listed beside those that were asked for */
  unasked: string[]
  /** changes where the list goes on */
  nextPage: (address: string) => string
  /** without it, every request is refused */
  token: string | null
  close(): Promise<void>
}

/** A hub with one model, `org/tiny`; files over 1,000 bytes are large ones, with their SHA-256. */
export async function startHub(files: Record<string, Uint8Array | string>): Promise<HubServer> {
  const bodies = new Map(Object.entries(files).map(([name, body]) => [name, Buffer.from(body)]))
  const entryOf = (path: string, body: Buffer): Record<string, unknown> => {
    const oid = createHash('sha1').update(`blob ${body.length}\0`).update(body).digest('hex')
    const lfs = { oid: createHash('sha256').update(body).digest('hex'), size: body.length, pointerSize: 100 }
    const commit = { id: COMMIT, title: '', date: '' }
    return { type: 'file', path, size: body.length, oid, ...(body.length > 1000 && { lfs }), lastCommit: commit }
  }
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const json = (value: unknown, status = 200): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    if (hub.token !== null && request.headers.authorization !== `Bearer ${hub.token}`)
      return json({ error: 'Invalid username or password.' }, 401)
    if (pathname.includes('/paths-info/')) {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString()))
      request.on('end', () => {
        const { paths } = JSON.parse(body) as { paths: string[] }
        const entries = [...bodies].filter(([path]) => [...paths, ...hub.unasked].includes(path))
        json(entries.map(([path, content]) => hub.listed(path, entryOf(path, content))))
      })
    } else if (pathname.includes('/tree/')) {
      // a file a page
      const at = Number(new URL(request.url!, 'http://localhost').searchParams.get('cursor') ?? 0)
      const [path, content] = [...bodies][at]
      const next = `<${hub.nextPage(`${hub.address}${pathname}?recursive=true&cursor=${at + 1}`)}>; rel="next"`
      if (at + 1 < bodies.size) response.setHeader('link', next)
      hub.asked.push(`tree ${at}`)
      json([{ type: 'directory', path: '1_Pooling' }, hub.listed(path, entryOf(path, content))])
    } else if (pathname.startsWith('/api/models')) json({ _id: '1', id: 'org/tiny', sha: COMMIT })
    else {
      const path = pathname.replace(/^\/org\/tiny\/resolve\/[^/]+\//, '')
      hub.asked.push(`${request.method} ${path} ${request.headers.range ?? ''}`.trim())
      if (hub.sends(path, request, response)) return
      const body = bodies.get(path)
      if (!body) return json({ error: 'Entry not found' }, 404)
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
      response.writeHead(from > 0 ? 206 : 200, {
        'content-length': body.length - from,
        ...(from > 0 && { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` }),
        etag: `"${createHash('sha1').update(body).digest('hex')}"`,
        'accept-ranges': 'bytes',
      })
      response.end(request.method === 'HEAD' ? undefined : body.subarray(from))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const hub: HubServer = {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    listed: (_, entry) => entry,
    sends: () => false,
    unasked: [],
    nextPage: (address) => address,
    token: null,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return hub
}
