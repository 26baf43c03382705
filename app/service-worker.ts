// Keeps the built page for times without a network, and adds the headers without which WebAssembly has one thread: so the
// page works from any static host. app/vite.config.ts builds it with the list of files and their hash.

declare const FILES: string[]
declare const VERSION: string

/** Of the service worker's own scope, which the types of a page do not have. */
interface Extendable extends Event {
  waitUntil(until: Promise<unknown>): void
}
interface Fetched extends Extendable {
  readonly request: Request
  respondWith(response: Promise<Response>): void
}
interface Scope {
  addEventListener(type: 'install' | 'activate', listener: (event: Extendable) => void): void
  addEventListener(type: 'fetch', listener: (event: Fetched) => void): void
  skipWaiting(): Promise<void>
  readonly clients: { claim(): Promise<void> }
  readonly registration: { readonly scope: string }
}
const scope = self as unknown as Scope

const PREFIX = 'compact-kernels-page-'
const CACHE = PREFIX + VERSION

scope.addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      // past the browser's cache, which may hold files of an older page under the same names
      .then((cache) => cache.addAll(FILES.map((file) => new Request(file, { cache: 'reload' }))))
      .then(() => scope.skipWaiting()),
  )
})

scope.addEventListener('activate', (event) => {
  const tidy = async (): Promise<void> => {
    const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE)
    await Promise.all(old.map((name) => caches.delete(name)))
    await scope.clients.claim()
  }
  event.waitUntil(tidy())
})

scope.addEventListener('fetch', (event) => {
  const { request } = event
  if (request.method !== 'GET' || !request.url.startsWith(scope.registration.scope)) return
  event.respondWith(answer(request))
})

async function answer(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE)
  const wanted = request.mode === 'navigate' ? './index.html' : request
  const found = (await cache.match(wanted, { ignoreSearch: true })) ?? (await fetch(request))
  const headers = new Headers(found.headers)
  headers.set('Cross-Origin-Opener-Policy', 'same-origin')
  headers.set('Cross-Origin-Embedder-Policy', 'require-corp')
  headers.set('Cross-Origin-Resource-Policy', 'same-origin')
  const { status, statusText } = found
  return new Response(found.body, { status, statusText, headers })
}
