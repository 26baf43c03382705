// dist/: a JavaScript module for each source module, and single files for pages without a bundler.

import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { PAGE_SOURCE } from '../../kernels/wasm/worker.ts'
import { vendoredFile } from './vendor.ts'

const TARGET = 'es2023'

/** Sources that are part of the package. */
export const sources = (): string[] =>
  globSync('{kernels,ts}/**/*.ts', { exclude: ['**/*.test.ts', 'kernels/testing/**', '**/*.d.ts'] }).sort()

/** Imports stay imports: of the built module, or of what dist/vendor holds. */
const leaveImports = (outdir: string): Plugin => ({
  name: 'leave imports',
  setup(builder) {
    builder.onResolve({ filter: /.*/ }, ({ path, kind, resolveDir }) => {
      if (kind === 'entry-point') return undefined
      if (path.startsWith('.')) return { path: path.replace(/\.ts$/, '.js'), external: true }
      const file = vendoredFile(path)
      if (!file) return { path, external: true }
      const from = join(outdir, relative(process.cwd(), resolveDir))
      const to = relative(from, join(outdir, 'vendor', file))
      return { path: to.startsWith('.') ? to : `./${to}`, external: true }
    })
  },
})

/** Where the worker of ts/worker is, which is no import. */
const placeWorker = (file: string): Plugin => ({
  name: 'place worker',
  setup(builder) {
    builder.onLoad({ filter: /ts\/worker\/start\.ts$/ }, ({ path }) => {
      const parts = readFileSync(path, 'utf8').split("'./main.ts'")
      if (parts.length !== 3) throw new Error(`${path}: './main.ts' is there ${parts.length - 1} times, expected 2`)
      return { contents: parts.join(`'${file}'`), loader: 'ts' }
    })
  },
})

export async function buildModules(outdir: string): Promise<void> {
  await build({
    entryPoints: sources(),
    outbase: '.',
    outdir,
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    target: TARGET,
    sourcemap: true,
    // the sources are in the package
    sourcesContent: false,
    logLevel: 'error',
    plugins: [leaveImports(outdir), placeWorker('./main.js')],
  })
}

/** Entries that a page can import as one file. */
const SINGLE: Record<string, string> = {
  'compact-kernels': 'ts/index.ts',
  wasm: 'ts/wasm.ts',
  worker: 'ts/worker.ts',
  'pipeline-worker': 'ts/worker/main.ts',
  webgpu: 'ts/webgpu.ts',
}

/** What only Node loads is not there in a page. */
const withoutNode: Plugin = {
  name: 'without node',
  setup(builder) {
    builder.onLoad({ filter: /\.node\.ts$/ }, () => ({ contents: 'export {}', loader: 'js' }))
  },
}

/** The wide kernels are for those who ask for them: not in files that a page loads whole. */
const withoutWide: Plugin = {
  name: 'without wide',
  setup(builder) {
    const why = 'wasm: wide kernels are not in this file; import the modules of the package instead, or leave wide out'
    builder.onLoad({ filter: /kernels\/wasm\/wide\.ts$/ }, () => ({
      contents: `export const WIDE = null; throw new Error(${JSON.stringify(why)})`,
      loader: 'js',
    }))
  },
}

/**
 * One file each, without import(): module service workers refuse it, and nothing is left to be found by address.
 * thread.js is what threads run, for pages whose policy forbids workers from blob: addresses.
 */
export async function buildSingleFiles(outdir: string): Promise<void> {
  const built = Object.entries(SINGLE).map(([name, entry]) =>
    build({
      entryPoints: [entry],
      outfile: join(outdir, `${name}.js`),
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'browser',
      target: TARGET,
      sourcemap: true,
      sourcesContent: false,
      external: ['node:*', 'webgpu'],
      logLevel: 'error',
      plugins: [withoutNode, withoutWide, placeWorker('./pipeline-worker.js')],
    }),
  )
  await Promise.all(built)
  writeFileSync(join(outdir, 'thread.js'), PAGE_SOURCE)
  writeFileSync(join(outdir, 'thread.d.ts'), '// run by a worker, never imported\nexport {}\n')
}
