// A static server on 127.0.0.1 for files that are in memory or on disk.

import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** by path without the leading slash; a URL is a file on disk */
export type Files = Map<string, string | Uint8Array | URL>

const TYPES: Record<string, string> = {
  html: 'text/html',
  js: 'text/javascript',
  mjs: 'text/javascript',
  wasm: 'application/wasm',
  css: 'text/css',
  json: 'application/json',
  txt: 'text/plain',
  svg: 'image/svg+xml',
}

export interface StaticServer {
  /** `http://127.0.0.1:<port>/` */
  url: string
  close(): Promise<void>
}

/** Serves `files`; `isolated` adds the headers that shared memory asks for, `headers` are sent with every file. */
export async function serve(
  files: Files,
  isolated: boolean,
  headers: Record<string, string> = {},
): Promise<StaticServer> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://127.0.0.1').pathname.slice(1)
    const file = files.get(path === '' || path.endsWith('/') ? `${path}index.html` : path)
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    if (isolated) {
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin')
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp')
    }
    const ending = path === '' || path.endsWith('/') ? 'html' : (path.split('.').at(-1) ?? '')
    response.setHeader('Content-Type', TYPES[ending] ?? 'application/octet-stream')
    response.statusCode = file === undefined ? 404 : 200
    if (file instanceof URL)
      createReadStream(file)
        .on('error', (error) => response.destroy(error))
        .pipe(response)
    else response.end(file ?? `no ${path}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
