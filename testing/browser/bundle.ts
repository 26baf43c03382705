// The library as an application's bundler makes it: ES modules, lazy imports in files of their own, nothing of Node.

import { build } from 'esbuild'
import { builtinModules } from 'node:module'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Files } from './server.ts'

/** Bundles testing/browser/page.ts and an index.html that loads it. */
export async function bundlePage(): Promise<Files> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./page.ts', import.meta.url))],
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    // Only lazy imports that a browser never takes may name them: a static one fails when the page loads.
    external: ['node:*', 'webgpu', ...builtinModules],
    outdir: 'bundle',
    write: false,
    logLevel: 'silent',
  })
  const files: Files = new Map(outputFiles.map((file) => [basename(file.path), file.contents]))
  files.set('index.html', '<!doctype html><title>compact-kernels</title><script type="module" src="page.js"></script>')
  return files
}
