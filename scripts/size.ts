// Bundles what a page loads, for size-limit: the CPU runtime, and everything.

import { build } from 'esbuild'

/** Parts that only Node loads, behind dynamic imports. */
const NODE_ONLY = ['node:*', '*.node.ts', 'webgpu', '@sparticuz/chromium', '@huggingface/hub']

for (const [name, entry] of [
  ['wasm', 'ts/wasm.ts'],
  ['webgpu', 'ts/webgpu.ts'],
  ['all', 'ts/index.ts'],
])
  await build({
    entryPoints: [entry],
    outfile: `build/size/${name}.js`,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    external: NODE_ONLY,
    logLevel: 'error',
  })
