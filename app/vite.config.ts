// `npm run app` serves the page, `npm run app:build` writes build/app: static files that work from any host and folder, and
// without a network. The headers make pages cross-origin isolated, without which WebAssembly has one thread; where a host
// does not send them, the service worker adds them.

import { createHash } from 'node:crypto'
import { builtinModules } from 'node:module'
import { fileURLToPath } from 'node:url'
import { build as bundle } from 'esbuild'
import { defineConfig, type Plugin } from 'vite'
import { PAGE_SOURCE } from '../kernels/wasm/worker.ts'

const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }
// named only by lazy imports that a browser never takes
const external = [/^node:/, 'webgpu', ...builtinModules]

/** What the built page may do: nothing that is not its own. */
export const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

/** What only Node takes, by imports that a browser never comes to, is left out, as package.json's `browser` says of dist/. */
const NOTHING = '\0nothing'
const withoutNode: Plugin = {
  name: 'without-node',
  resolveDynamicImport: (name) => (typeof name === 'string' && name.endsWith('.node.ts') ? NOTHING : null),
  load: (id) => (id === NOTHING ? 'export {}' : null),
}

/** The policy is of the built page alone: Vite's own server puts styles into the page. */
const policy: Plugin = {
  name: 'policy',
  apply: 'build',
  transformIndexHtml: () => [
    { tag: 'meta', attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY }, injectTo: 'head-prepend' },
  ],
}

/** What threads run, as a file: the policy forbids workers from blob: addresses. app/open.ts names it. */
const thread: Plugin = {
  name: 'thread',
  apply: 'build',
  generateBundle() {
    this.emitFile({ type: 'asset', fileName: 'thread.js', source: PAGE_SOURCE })
  },
}

/** Builds the service worker with the names of all files, and a hash that changes with any of them. */
const serviceWorker: Plugin = {
  name: 'service-worker',
  apply: 'build',
  enforce: 'post',
  async generateBundle(_, files) {
    const hash = createHash('sha256')
    for (const name of Object.keys(files).sort()) {
      const file = files[name]
      hash.update(name).update(file.type === 'chunk' ? file.code : file.source)
    }
    const { outputFiles } = await bundle({
      entryPoints: [fileURLToPath(new URL('./service-worker.ts', import.meta.url))],
      bundle: true,
      minify: true,
      write: false,
      define: {
        FILES: JSON.stringify(Object.keys(files).map((name) => `./${name}`)),
        VERSION: JSON.stringify(hash.digest('hex').slice(0, 12)),
      },
    })
    this.emitFile({ type: 'asset', fileName: 'service-worker.js', source: outputFiles[0].text })
  },
}

export default defineConfig({
  // what is missing is a 404, not the page
  appType: 'mpa',
  base: './',
  server: { headers },
  preview: { headers },
  // its own build for Node names Buffer
  resolve: { alias: { 'csv-parse/sync': 'csv-parse/browser/esm/sync' } },
  plugins: [withoutNode, policy, thread, serviceWorker],
  build: {
    outDir: '../build/app',
    emptyOutDir: true,
    target: 'es2023',
    // a file inside a script would be a data: address, which the policy does not fetch
    assetsInlineLimit: 0,
    rolldownOptions: { external },
  },
  worker: { format: 'es', plugins: () => [withoutNode], rolldownOptions: { external } },
})
