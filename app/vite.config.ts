// `npx vite app` serves the page, `npx vite build app` writes build/app. The headers make pages cross-origin isolated,
// without which WebAssembly has one thread.

import { builtinModules } from 'node:module'
import { defineConfig } from 'vite'

const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }
// named only by lazy imports that a browser never takes
const external = [/^node:/, 'webgpu', ...builtinModules]

export default defineConfig({
  // what is missing is a 404, not the page
  appType: 'mpa',
  base: './',
  server: { headers },
  preview: { headers },
  build: { outDir: '../build/app', emptyOutDir: true, target: 'es2023', rolldownOptions: { external } },
  worker: { format: 'es', rolldownOptions: { external } },
})
