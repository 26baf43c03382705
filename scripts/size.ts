// Bundles what a page loads, for size-limit: the kernels of each backend, the pipeline, and everything.

import { build } from 'esbuild'

/**
 * Parts behind dynamic imports: those that only Node loads, in files of their own since some bundlers refuse node:, and
 * what prepares texts for models that ask for it, and the mathematics of a recipe's steps.
 */
const LOADED_LATER = [
  '*/text/prepare.ts',
  '*/text/precompiled.ts',
  '*/text/sentencepiece.ts',
  '../text/bare-vocabulary.ts',
  './sentence.ts',
  './zero-shot.ts',
  './token-classification.ts',
  '*/compress/factorize-tucker.ts',
  '*/compress/low-rank.ts',
  '*/compress/prune.ts',
  '*/compress/structure.ts',
  '*/compress/vocabulary.ts',
  '*.node.ts',
  'webgpu',
  '@sparticuz/chromium',
  '@huggingface/hub',
]

for (const [name, entry] of [
  ['wasm', 'ts/wasm.ts'],
  ['webgpu', 'ts/webgpu.ts'],
  ['pipeline', 'ts/pipeline/pipeline.ts'],
  ['all', 'ts/index.ts'],
]) {
  const { metafile } = await build({
    metafile: true,
    entryPoints: [entry],
    outfile: `build/size/${name}.js`,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    external: LOADED_LATER,
    logLevel: 'error',
  })
  // what is left out above is left out of the count: nothing may need it at once
  for (const { imports } of Object.values(metafile.outputs))
    for (const { path, kind } of imports)
      if (kind !== 'dynamic-import')
        throw new Error(`${entry} imports ${path} at once; import it where it is needed: await import(...)`)
}
