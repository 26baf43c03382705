// Bundles what a page loads, for size-limit: the kernels of each backend, a pipeline on WebAssembly, and everything.

import { build } from 'esbuild'

/**
 * Parts behind dynamic imports: those that only Node loads, in files of their own since some bundlers refuse node:, and
 * what prepares texts for models that ask for it, the mathematics of a recipe's steps, families
 * other than BERT, layers on buffers of the caller or in memory, kernels for 256-bit vectors, what a folder of
 * sentence-transformers or sentencepiece asks for, models of a hub, and the choice of a device where there are two.
 */
const LOADED_LATER = [
  '*/text/prepare.ts',
  '*/text/precompiled.ts',
  '*/text/sentencepiece.ts',
  '../text/bare-vocabulary.ts',
  './prepared.ts',
  './caller-linear.ts',
  './session-memory.ts',
  './sentence.ts',
  './choose-device.ts',
  './device-memory.ts',
  '*/hub-page.ts',
  './zero-shot.ts',
  './token-classification.ts',
  '*/beside.ts',
  './refused.ts',
  './albert.ts',
  './wide.ts',
  './distilbert.ts',
  './electra.ts',
  './mpnet.ts',
  './roberta.ts',
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

/** Of each bundle: its entry, and what its page does not load besides. */
const BUNDLES: [name: string, entry: string, later: string[]][] = [
  ['wasm', 'ts/wasm.ts', []],
  ['webgpu', 'ts/webgpu.ts', []],
  ['pipeline', 'ts/pipeline/pipeline.ts', ['*/webgpu/device.ts']],
  ['all', 'ts/index.ts', []],
  ['worker', 'ts/worker.ts', []],
  ['wide', 'kernels/wasm/wide.ts', []],
]

for (const [name, entry, later] of BUNDLES) {
  const { metafile } = await build({
    metafile: true,
    entryPoints: [entry],
    outfile: `build/size/${name}.js`,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    external: [...LOADED_LATER, ...later],
    logLevel: 'error',
  })
  // what is left out above is left out of the count: nothing may need it at once
  for (const { imports } of Object.values(metafile.outputs))
    for (const { path, kind } of imports)
      if (kind !== 'dynamic-import')
        throw new Error(`${entry} imports ${path} at once; import it where it is needed: await import(...)`)
}
